@SYN
Feature: Synthetic against real
  The platform can make prices up, for a demonstration or a test. Made-up prices look like a market's and mean nothing,
  so that they are never kept beside real ones and never shown without saying so. Instants in this file are UTC.

  @PI1.2 @PI1.5
  Rule: SYN-001 A store is synthetic or real from its first document on, for ever

    Background:
      Given the document "first" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.00 |
      And the document "second" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-11 05:00 | 2025-06-11 06:00 | 31.00 |

    Scenario Outline: The first document decides
      Given "first" was handed over as <first> at 2025-06-10 12:00
      When "second" is handed over as <second> at 2025-06-11 12:00
      Then it is refused as "conflict"
      And the refusal names "<first> for ever"
      And the store holds nothing of "second"

      Examples:
        | first     | second    |
        | synthetic | real      |
        | real      | synthetic |

    Scenario Outline: A store on disk is still what it was when another day it is opened again
      Given a store on disk took "first" as <first>
      When it is opened again and "second" is handed over as <second>
      Then it is refused as "conflict"
      When it is opened again and "second" is handed over as <first>
      Then the store on disk holds "first" and "second"

      Examples:
        | first     | second    |
        | synthetic | real      |
        | real      | synthetic |

    Scenario Outline: More of the same is taken in
      Given "first" was handed over as <nature> at 2025-06-10 12:00
      When "second" is handed over as <nature> at 2025-06-11 12:00
      Then "second" is recorded

      Examples:
        | nature    |
        | synthetic |
        | real      |

    Scenario: A synthetic store asks no operator
      Given "first" was handed over as synthetic at 2025-06-10 12:00
      When the prices of "Illinois day-ahead" for 2025-06-11 are to be fetched
      Then it is refused as "conflict"
      And no operator was asked

    Scenario: A document that nobody recognises decides nothing
      Given the document "holiday snaps" is a text about something else, handed over as real
      When "first" is handed over as synthetic at 2025-06-10 12:00
      Then "first" is recorded

  @PI1.1 @PI1.4
  Rule: SYN-002 Every answer of a synthetic store says that it is made up, and no answer of a real one does

    Background:
      Given the document "prices" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.00 |

    Scenario: Made-up prices are marked one by one, and the answer as a whole
      Given "prices" was handed over as synthetic at 2025-06-10 12:00
      When I ask for "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | marks     |
        | 30    | synthetic |
      And the answer says that it is made up

    Scenario: An answer without any price is marked too
      Given "prices" was handed over as synthetic at 2025-06-10 12:00
      When I ask for "Illinois day-ahead" from 2025-06-20 05:00 to 2025-06-20 06:00
      Then the answer is:
        | value | state   |
        |       | pending |
      And the answer says that it is made up

    Scenario: Converted and old prices are marked too
      Given "prices" was handed over as synthetic at 2025-06-10 12:00
      When I ask for every revision of "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer says that it is made up

    Scenario: Real prices carry no such mark
      Given "prices" was handed over as real at 2025-06-10 12:00
      When I ask for "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | marks |
        | 30    |       |
      And the answer does not say that it is made up

  @PI1.3
  Rule: SYN-003 What is made up is made up in the market's own documents, and making it again adds nothing

    Scenario: The auctions of a year, made twice
      Given it is 2026-06-15 12:00
      When the sample of "eu_ets" "auctions" is made
      Then the sample is recorded
      When the sample of "eu_ets" "auctions" is made
      Then the sample adds nothing
      And every document of the sample is in the archive

    Scenario: A market that has no writer makes nothing up
      Then "miso" "load_daily" is not among the samples
