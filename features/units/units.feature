@UNIT
Feature: Units and blocks
  A number says what it is a number of, and an average says over which hours it was taken. Instants in this file are
  UTC; days are operating days of the market that is named.

  @PI1.1
  Rule: UNIT-001 Every answer says its unit, also where it holds no number

    Scenario Outline: The unit of each kind of series
      When I ask at 2024-06-11 00:00 for "<series>" from 2024-06-12 10:00 to 2024-06-12 11:00
      Then the unit of the answer is "<unit>"

      Examples:
        | series                     | unit    |
        | NP15 day-ahead             | USD/MWh |
        | Illinois day-ahead         | USD/MWh |
        | Netherlands SDAC           | EUR/MWh |
        | New South Wales settlement | AUD/MWh |
        | EUA                        | EUR/t   |
        | EUA offered                | t       |
        | Netherlands load           | MW      |

  @PI1.1 @PI1.3
  Rule: UNIT-002 A conversion is made when it is asked for, exactly, and says so; one that needs a rate that nobody named is refused

    Background:
      Given a document arrived at 2025-06-09 20:10 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 42.5  |

    Scenario Outline: Conversions that have one exact answer
      When I ask for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00 in "<unit>"
      Then the answer is:
        | value   | unit   | marks   |
        | <value> | <unit> | <marks> |

      Examples:
        | unit     | value  | marks     |
        | USD/MWh  | 42.5   |           |
        | USDc/kWh | 4.25   | converted |
        | USD/kWh  | 0.0425 | converted |
        | USD/GJ   | 11.80556 | converted |

    Scenario Outline: Conversions that are refused
      When I ask for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00 in "<unit>"
      Then it is refused as "<code>"

      Examples:
        | unit      | code                   |
        | EUR/MWh   | conversion_unavailable |
        | USD/t     | conversion_unavailable |
        | MW        | conversion_unavailable |
        | thalers   | invalid_request        |

  @PI1.1 @PI1.3
  Rule: UNIT-003 An average names its block, and its hours are those that the clocks show on the day

    California's peak is 06 to 22 on Monday to Saturday without NERC holidays; what is left of a day is its off-peak.

    Scenario Outline: Averages of days of 23, 24 and 25 hours whose prices begin at 20 and rise by 1 each hour
      Given a document arrived at 2025-12-30 12:00 with <hours> prices of "NP15 day-ahead" from <first> on, each of 60 minutes: 20, then 1 more each time
      When the board is shown for <day>
      Then the averages of "NP15 day-ahead" are:
        | block                | value      | hours            |
        | base                 | <base>     | <hours>          |
        | 6x16_wecc            | <peak>     | <peak hours>     |
        | off_peak:6x16_wecc   | <off-peak> | <off-peak hours> |

      Examples:
        | day        | what                | hours | first            | base | peak | peak hours | off-peak | off-peak hours |
        | 2025-03-09 | a Sunday in spring  | 23    | 2025-03-09 08:00 | 31   |      | 0          | 31       | 23             |
        | 2025-06-10 | a Tuesday           | 24    | 2025-06-10 07:00 | 31.5 | 33.5 | 16         | 27.5     | 8              |
        | 2025-11-02 | a Sunday in autumn  | 25    | 2025-11-02 07:00 | 32   |      | 0          | 32       | 25             |
        | 2025-11-27 | Thanksgiving        | 24    | 2025-11-27 08:00 | 31.5 |      | 0          | 31.5     | 24             |

    Scenario: Negative prices count, and an average over a day with a gap says that it is partial
      Given a document arrived at 2025-06-09 20:10 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 40    |
        | NP15 day-ahead | 2025-06-10 08:00 | 2025-06-10 09:00 | -10   |
        | NP15 day-ahead | 2025-06-10 09:00 | 2025-06-10 10:00 | empty |
        | NP15 day-ahead | 2025-06-10 10:00 | 2025-06-10 11:00 | 0     |
      When the board is shown for 2025-06-10
      Then the average of "NP15 day-ahead" over "base" is 10 over 3 of 24 hours, partial

    Scenario Outline: Intervals of different length weigh as long as they are
      Given a document arrived at 2025-12-01 12:00 that says:
        | series                   | from             | to               | value |
        | Netherlands SDAC         | 2025-10-05 10:00 | 2025-10-05 11:00 | 80.00 |
        | Netherlands SDAC         | 2025-10-05 11:00 | 2025-10-05 11:15 | 20.00 |
      When the board is shown for 2025-10-05
      Then the average of "Netherlands SDAC" over "<block>" is <value> over <present> of <hours> hours, partial

      Examples:
        | block | value | present | hours |
        | base  | 68    | 1.25    | 24    |

    Scenario Outline: A block that has no agreed hours is refused
      When I ask for the hours of the block "<block>" on 2025-06-10
      Then it is refused as "invalid_request"

      Examples:
        | block          |
        | peak           |
        | off_peak:base  |
        | 5x16           |

    Scenario: A block in local time is refused where no place is named
      When I ask for the hours of the block "peak_eex" on 2025-06-10
      Then it is refused as "invalid_request"
      And the refusal names "local time"
