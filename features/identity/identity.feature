@ID
Feature: Identity of a series
  A series is one calculation of one market for one place. Two calculations stay two series, however alike they are, and
  a series is in one unit and one currency all its life. Instants in this file are UTC.

  @PI1.1 @PI1.3
  Rule: ID-001 Two auctions, or two calculations, of one place and one interval never become one series

    Scenario: The coupled auction and EXAA of one quarter of an hour in Germany
      Given a document arrived at 2025-11-30 12:00 that says:
        | series       | from             | to               | value  |
        | Germany SDAC | 2025-12-01 10:00 | 2025-12-01 10:15 | 101.10 |
        | Germany EXAA | 2025-12-01 10:00 | 2025-12-01 10:15 | 99.90  |
      Then these prices from 2025-12-01 10:00 to 2025-12-01 10:15 stand apart:
        | series       | value  |
        | Germany SDAC | 101.10 |
        | Germany EXAA | 99.90  |

    Scenario: The first and the second intraday auction
      Given a document arrived at 2025-12-01 12:00 that says:
        | series             | from             | to               | value |
        | Germany intraday 1 | 2025-12-01 14:00 | 2025-12-01 14:15 | 88.00 |
        | Germany intraday 2 | 2025-12-01 14:00 | 2025-12-01 14:15 | 93.50 |
      Then these prices from 2025-12-01 14:00 to 2025-12-01 14:15 stand apart:
        | series             | value |
        | Germany intraday 1 | 88.00 |
        | Germany intraday 2 | 93.50 |

    Scenario: Allowances of power stations and of airlines that are auctioned on one day
      Given a document arrived at 2020-09-17 12:00 that says:
        | series | from             | to               | value |
        | EUA    | 2020-09-15 22:00 | 2020-09-16 22:00 | 28.91 |
        | EUAA   | 2020-09-15 22:00 | 2020-09-16 22:00 | 28.22 |
      Then these prices from 2020-09-15 22:00 to 2020-09-16 22:00 stand apart:
        | series | value |
        | EUA    | 28.91 |
        | EUAA   | 28.22 |

    Scenario: MISO's prices before and after the fact
      Given a document arrived at 2025-06-09 19:20 that says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.00 |
      And a document arrived at 2025-06-09 19:21 that says:
        | series                     | from             | to               | value |
        | Illinois day-ahead ex ante | 2025-06-10 05:00 | 2025-06-10 06:00 | 29.00 |
      Then these prices from 2025-06-10 05:00 to 2025-06-10 06:00 stand apart:
        | series                     | value |
        | Illinois day-ahead         | 30.00 |
        | Illinois day-ahead ex ante | 29.00 |

    Scenario: California's fifteen-minute market and its dispatch
      Given a document arrived at 2025-06-11 10:00 that says:
        | series              | from             | to               | value |
        | NP15 fifteen-minute | 2025-06-10 07:00 | 2025-06-10 07:15 | 40.00 |
      And a document arrived at 2025-06-11 10:01 that says:
        | series        | from             | to               | value |
        | NP15 dispatch | 2025-06-10 07:00 | 2025-06-10 07:05 | 44.00 |
      Then these prices from 2025-06-10 07:00 to 2025-06-10 07:05 stand apart:
        | series              | value |
        | NP15 fifteen-minute | 40.00 |
        | NP15 dispatch       | 44.00 |

    Scenario: An auction that the market is not known to hold is refused and put under no other's name
      Given the document "prices" says:
        | series       | from             | to               | value |
        | Germany EXAA | 2025-12-01 10:00 | 2025-12-01 10:15 | 99.90 |
      And the document "prices" speaks of a third auction
      When "prices" is handed over at 2025-11-30 12:00
      Then "prices" is refused as "feed_format_changed"

  @PI1.1 @PI1.2
  Rule: ID-002 A series keeps its unit and its currency for life

    Scenario: A document in another currency is refused, and the prices before it stay
      Given a document arrived at 2025-06-10 12:00 that says:
        | series            | from             | to               | value |
        | Austria imbalance | 2025-06-10 10:00 | 2025-06-10 10:15 | 85.00 |
      And the document "in zloty" says:
        | series            | from             | to               | value  |
        | Austria imbalance | 2025-06-11 10:00 | 2025-06-11 10:15 | 364.00 |
      And in the document "in zloty" ">EUR<" is printed as ">PLN<"
      When "in zloty" is handed over at 2025-06-11 12:00
      Then "in zloty" is refused as "feed_format_changed"
      When I ask for "Austria imbalance" from 2025-06-10 10:00 to 2025-06-10 10:15
      Then the answer is:
        | value | unit    |
        | 85    | EUR/MWh |

    Scenario: An auction price in a zone's second currency is a series of its own
      Given the document "in kroner" says:
        | series           | from             | to               | value  |
        | Netherlands SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 455.00 |
      And in the document "in kroner" ">EUR<" is printed as ">DKK<"
      When "in kroner" is handed over at 2024-06-11 12:00
      Then "in kroner" is recorded
      When I ask for "Netherlands SDAC" from 2024-06-12 10:00 to 2024-06-12 11:00
      Then the answer is:
        | value | state | unit    |
        |       | late  | EUR/MWh |
      When I ask for "entsoe/day_ahead-sdac/price-dkk/zone/10YNL----------L" from 2024-06-12 10:00 to 2024-06-12 11:00
      Then the answer is:
        | value | state | unit    |
        | 455   | ok    | DKK/MWh |

  @PI1.1
  Rule: ID-003 The words of an identity are closed: what the vocabulary does not have is refused

    Scenario Outline: Series that cannot be
      When I ask for "<series>" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "invalid_request"
      And the refusal names "<word>"

      Examples:
        | series                                              | word       |
        | caiso/spot/price/hub/TH_NP15_GEN-APND               | spot       |
        | caiso/day_ahead/lmp/hub/TH_NP15_GEN-APND            | lmp        |
        | caiso/day_ahead/price-euro/hub/TH_NP15_GEN-APND     | euro       |
        | caiso/day_ahead/generation_magic/hub/TH_NP15_GEN-APND | generation_magic |
        | caiso/day_ahead/price/pnode/TH_NP15_GEN-APND        | pnode      |
        | caiso/day_ahead/price/hub                           | expected   |

    Scenario: A series in the vocabulary's words is granted
      When I ask at 2025-06-01 00:00 for "caiso/day_ahead/price/hub/TH_NP15_GEN-APND" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer is:
        | value | state   |
        |       | pending |
