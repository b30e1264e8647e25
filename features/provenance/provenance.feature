@PROV
Feature: Provenance
  Every number leads back to the document that it came from, to the very place in it, and reading that place again gives
  the number again. Instants in this file are UTC.

  @PI1.1 @PI1.3 @PI1.5
  Rule: PROV-001 A number leads to its document, to the fragment it stands in, and is read there again

    Scenario Outline: One number of each market
      Given the document "document" says:
        | series   | from   | to   | value   |
        | <series> | <from> | <to> | <value> |
      And "document" arrived at 2025-12-01 12:00
      When I trace the number of "<series>" at <from>
      Then it stands in the document "<name>" that arrived at 2025-12-01 12:00
      And the fragment holds "<printed>"
      And the fragment holds "<place>"
      And reading the fragment again gives <value>

      Examples:
        | series                   | from             | to               | value   | name                         | printed                               | place                         |
        | NP15 day-ahead           | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.337  | 20250610_20250610_PRC_LMP    | ,31.337,                              | TH_NP15_GEN-APND              |
        | Illinois day-ahead       | 2025-06-10 05:00 | 2025-06-10 06:00 | -7.42   | 20250610_da_expost_lmp       | -7.42,                                | ILLINOIS.HUB                  |
        | Netherlands SDAC         | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.23   | A44_10YNL                    | <price.amount>61.23</price.amount>    | <Point>                       |
        | New South Wales dispatch | 2025-01-10 04:00 | 2025-01-10 04:05 | 15123.4 | PUBLIC_DISPATCHIS_2025       | ,15123.4,                             | "2025/01/10 14:05:00"         |
        | EUA                      | 2025-03-09 23:00 | 2025-03-10 23:00 | 71.25   | emission-spot-primary-market | 71.25                                 | <row                          |

    Scenario: A number that is worked out leads to all the lines that it is worked out from
      Given MISO's day-ahead report of 2025-06-10 prints for ILLINOIS.HUB in hour ending 1:
        | price | congestion | loss |
        | 30.10 | 2.05       | 1.00 |
      When I trace the number of "Illinois day-ahead energy" at 2025-06-10 05:00
      Then the number is 27.05
      And the fragment holds "LMP,30.10"
      And the fragment holds "MCC,2.05"
      And the fragment holds "MLC,1.00"
      And reading the fragment again gives 27.05

    Scenario: A number that is not there has no provenance
      When I trace the number of "NP15 day-ahead" at 2025-06-10 07:00
      Then it is refused as "not_found"

    Scenario: A number that the asker may not see has none to show either
      Given a document arrived at 2025-06-09 20:10 that says:
        | series           | from             | to               | value |
        | Netherlands SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 |
      And a customer who may see California and nothing else
      When I trace the number of "Netherlands SDAC" at 2024-06-12 10:00
      Then it is refused as "not_entitled"

  @PI1.3 @PI1.5
  Rule: PROV-002 Each revision of a number leads to the document that said it

    Scenario Outline: A preliminary and a final price of one hour
      Given the document "preliminary prices" says:
        | series             | from             | to               | value | finality    |
        | Illinois real-time | 2025-06-10 05:00 | 2025-06-10 06:00 | 40.00 | preliminary |
      And the document "final prices" says:
        | series             | from             | to               | value | finality |
        | Illinois real-time | 2025-06-10 05:00 | 2025-06-10 06:00 | 42.10 | final    |
      And "preliminary prices" arrived at 2025-06-11 17:00
      And "final prices" arrived at 2025-06-17 17:00
      When I trace what we had at <at> of "Illinois real-time" at 2025-06-10 05:00
      Then the number is <value>
      And it stands in the document "<name>" that arrived at <arrived>

      Examples:
        | at               | value | name                  | arrived          |
        | 2025-06-12 00:00 | 40.00 | 20250610_rt_lmp_prelim | 2025-06-11 17:00 |
        | 2025-06-17 17:00 | 42.10 | 20250610_rt_lmp_final  | 2025-06-17 17:00 |

  @PI1.5 @CC7.1 @A1.2
  Rule: PROV-003 A document is kept as it was served, and a copy that changed is refused

    Background:
      Given the document "prices" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.05 |
      And "prices" arrived at 2025-06-09 19:20

    Scenario: The archive holds the document byte for byte
      Then the archive holds "prices" as it was served

    Scenario: Someone changed a price in the archive
      Given in the archive's copy of "prices" "30.05" became "39.05"
      When I trace the number of "Illinois day-ahead" at 2025-06-10 05:00
      Then it is refused as "document_damaged"

    Scenario: The archive lost the document
      Given the archive's copy of "prices" is gone
      When I trace the number of "Illinois day-ahead" at 2025-06-10 05:00
      Then it is refused as "not_found"

  @PI1.3 @CC8.1
  Rule: PROV-004 When a translator changes, tracing says whether it still reads the same number

    Background:
      Given the demo exchange's document of 2025-06-04 arrived at 2025-06-03 12:00:
        | auction | slot | price |
        | first   | 1    | 41.00 |

    Scenario: The translator that read the number still reads it
      When I trace the number of "Demo north" at 2025-06-03 22:00
      Then the number is 41.00
      And reading the fragment again gives 41.00

    Scenario: A translator that now turns the sign around is found out
      Given the demo exchange's translator turns the sign of prices around
      When I trace the number of "Demo north" at 2025-06-03 22:00
      Then the number is 41.00
      But reading the fragment again gives -41.00, which is not the same
