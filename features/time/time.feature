@TIME
Feature: Time
  A price belongs to an interval of a market's own day, and that day is as long as the market's clock makes it.
  Instants in this file are UTC; days are operating days of the market that is named.

  @PI1.2 @PI1.3
  Rule: TIME-001 An operating day has as many intervals as the market's clock makes it have, and none is lost

    Scenario Outline: Days of 23, 24 and 25 hours in California
      Given a document arrived at 2025-12-01 12:00 with <hours> prices of "NP15 day-ahead" from <first> on, each of 60 minutes: 20, then 1 more each time
      When I ask for the operating day <day> of "NP15 day-ahead"
      Then the answer has <hours> intervals from <first> to <end>, all with a price

      Examples:
        | day        | hours | first            | end              |
        | 2025-03-09 | 23    | 2025-03-09 08:00 | 2025-03-10 07:00 |
        | 2025-06-10 | 24    | 2025-06-10 07:00 | 2025-06-11 07:00 |
        | 2025-11-02 | 25    | 2025-11-02 07:00 | 2025-11-03 08:00 |

    Scenario: The hour that California's clocks show twice has two prices
      Given a document arrived at 2025-12-01 12:00 with 25 prices of "NP15 day-ahead" from 2025-11-02 07:00 on, each of 60 minutes: 20, then 1 more each time
      When I ask for "NP15 day-ahead" from 2025-11-02 08:00 to 2025-11-02 10:00
      Then the answer is:
        | from             | to               | value | state |
        | 2025-11-02 08:00 | 2025-11-02 09:00 | 21    | ok    |
        | 2025-11-02 09:00 | 2025-11-02 10:00 | 22    | ok    |

    Scenario Outline: The coupled auctions of Central Europe, by the hour until September 2025 and by the quarter since
      Given a document arrived at 2026-05-01 12:00 with <count> prices of "<zone>" from <first> on, each of <minutes> minutes: 30, then 0.5 more each time
      When I ask for the operating day <day> of "<zone>"
      Then the answer has <count> intervals from <first> to <end>, all with a price

      Examples:
        | zone             | day        | count | minutes | first            | end              |
        | Netherlands SDAC | 2025-03-30 | 23    | 60      | 2025-03-29 23:00 | 2025-03-30 22:00 |
        | Netherlands SDAC | 2024-10-27 | 25    | 60      | 2024-10-26 22:00 | 2024-10-27 23:00 |
        | Germany SDAC     | 2025-10-26 | 100   | 15      | 2025-10-25 22:00 | 2025-10-26 23:00 |
        | Germany SDAC     | 2026-03-29 | 92    | 15      | 2026-03-28 23:00 | 2026-03-29 22:00 |
        | Ireland SDAC     | 2026-03-29 | 46    | 30      | 2026-03-28 23:00 | 2026-03-29 22:00 |

    Scenario Outline: MISO keeps Eastern Standard Time all year, so every day has 24 hours, also when New York changes its clocks
      Given a document arrived at 2025-12-01 12:00 with 24 prices of "Illinois day-ahead" from <first> on, each of 60 minutes: 25, then 1 more each time
      When I ask for the operating day <day> of "Illinois day-ahead"
      Then the answer has 24 intervals from <first> to <end>, all with a price

      Examples:
        | day        | first            | end              |
        | 2025-03-09 | 2025-03-09 05:00 | 2025-03-10 05:00 |
        | 2025-07-01 | 2025-07-01 05:00 | 2025-07-02 05:00 |
        | 2025-11-02 | 2025-11-02 05:00 | 2025-11-03 05:00 |

    Scenario: The Australian market keeps one time all year, so the day on which Sydney changes its clocks has 288 five-minute intervals
      Given a document arrived at 2025-12-01 12:00 with 288 prices of "New South Wales dispatch" from 2025-10-04 14:00 on, each of 5 minutes: 60, then 0.25 more each time
      When I ask for the operating day 2025-10-05 of "New South Wales dispatch"
      Then the answer has 288 intervals from 2025-10-04 14:00 to 2025-10-05 14:00, all with a price

    Scenario: Where one hour of a 25-hour day is lacking, 25 hours are answered and one says that it is late
      Given a document arrived at 2025-11-01 20:30 with 24 prices of "NP15 day-ahead" from 2025-11-02 07:00 on, each of 60 minutes: 20, then 1 more each time
      When I ask at 2025-11-02 07:00 for "NP15 day-ahead" from 2025-11-02 07:00 to 2025-11-03 08:00
      Then the answer has 25 intervals
      And the interval from 2025-11-03 07:00 has no price and is "late"

  @PI1.2 @PI1.3
  Rule: TIME-002 A market's label becomes the instant that the market means

    Scenario: MISO's hour ending 1 begins at midnight Eastern Standard Time
      Given MISO's day-ahead report of 2025-03-09 prints for ILLINOIS.HUB:
        | hour ending | price |
        | 1           | 23.51 |
        | 2           | 22.07 |
        | 24          | -4.20 |
      When I ask for the operating day 2025-03-09 of "Illinois day-ahead"
      Then the answer has 24 intervals
      And the interval from 2025-03-09 05:00 is 23.51 and "ok"
      And the interval from 2025-03-09 06:00 is 22.07 and "ok"
      And the interval from 2025-03-10 04:00 is -4.20 and "ok"

    Scenario: The Australian stamp is the end of its five minutes, in a time without daylight saving
      Given the Australian dispatch report stamped 2025-10-05 03:05 prints 88.31 for NSW1
      When I ask for "New South Wales dispatch" from 2025-10-04 17:00 to 2025-10-04 17:05
      Then the answer is:
        | from             | to               | value | state |
        | 2025-10-04 17:00 | 2025-10-04 17:05 | 88.31 | ok    |

    Scenario: A report of MISO with a 25th hour contradicts MISO's clock and is refused
      Given MISO's day-ahead report of 2025-11-02 has a column for hour ending 25
      When "MISO's report" is handed over at 2025-11-02 12:00
      Then "MISO's report" is refused as "feed_format_changed"

  @PI1.4
  Rule: TIME-003 A question takes the intervals that begin in it, from its first instant to before its last

    Scenario Outline: Asking for a part of a day
      Given the document "prices" says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31    |
        | NP15 day-ahead | 2025-06-10 08:00 | 2025-06-10 09:00 | 29    |
        | NP15 day-ahead | 2025-06-10 09:00 | 2025-06-10 10:00 | 28    |
      And "prices" arrived at 2025-06-09 20:10
      When I ask for "NP15 day-ahead" from <start> to <end>
      Then the answer has <count> intervals
      And the interval from <first> is <value> and "ok"

      Examples:
        | start            | end              | count | first            | value |
        | 2025-06-10 07:00 | 2025-06-10 09:00 | 2     | 2025-06-10 07:00 | 31    |
        | 2025-06-10 07:30 | 2025-06-10 08:30 | 1     | 2025-06-10 08:00 | 29    |
        | 2025-06-10 09:00 | 2025-06-10 10:00 | 1     | 2025-06-10 09:00 | 28    |

  @PI1.1 @PI1.2
  Rule: TIME-004 A question whose time can be read in two ways, or in none, is refused and never guessed

    Scenario Outline: Questions that are refused
      When I ask for "NP15 day-ahead" between the texts "<start>" and "<end>"
      Then it is refused as "invalid_request"
      And the refusal names "<named>"

      Examples:
        | start                     | end                       | named                  |
        | 2025-11-02T01:30          | 2025-11-03T00:00Z         | no UTC offset          |
        | 2025-11-03T00:00Z         | 2025-11-02T00:00Z         | before it starts       |
        | 2025-11-02T00:00Z         | 9999-01-01T00:00Z         | outside the years      |
        | 2 November                | 2025-11-03T00:00Z         | is no instant          |

    Scenario: The same two instants with their offset are two different hours, and both are granted
      Given a document arrived at 2025-12-01 12:00 with 25 prices of "NP15 day-ahead" from 2025-11-02 07:00 on, each of 60 minutes: 20, then 1 more each time
      When I ask for "NP15 day-ahead" between the texts "2025-11-02T01:00-07:00" and "2025-11-02T01:00-08:00"
      Then the answer is:
        | from             | to               | value |
        | 2025-11-02 08:00 | 2025-11-02 09:00 | 21    |

  @PI1.3
  Rule: TIME-005 A day that the resolution does not fill is refused and not rounded

    An exchange on Lord Howe Island, whose clocks change by half an hour, has a day of 23 and a half hours.

    Scenario: The day of 23 and a half hours of an hourly exchange
      Given a demo exchange on Lord Howe Island that trades hours
      When I ask for the operating day 2025-10-05 of "Demo north"
      Then it is refused as "invalid_request"
      And the refusal names "no multiple of PT1H"

    Scenario: The day before is answered
      Given a demo exchange on Lord Howe Island that trades hours
      When I ask for the operating day 2025-10-04 of "Demo north"
      Then the answer has 24 intervals
