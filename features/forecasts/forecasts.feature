@FCST
Feature: Forecasts that know no more than could be known
  A forecast of the past proves something only if it knew nothing that came later. Forecasts are made at the closing of
  the auction's gate, kept for ever with all that they were made from, and scored day by day as the days were.
  Instants in this file are UTC; Germany's gate closes at noon in Brussels on the day before delivery.

  @PI1.3 @CC8.1
  Rule: FCST-001 No forecast knows what became known after its origin

    Background:
      Given a document arrived at 2025-05-31 08:00 with 72 prices of "Germany SDAC" from 2025-05-31 22:00 on, each of 60 minutes: 1, then 1 more each time
      And a document arrived at 2025-05-31 09:00 with 24 prices of "Germany SDAC" from 2025-06-03 22:00 on, each of 60 minutes: 73, then 1 more each time
      And a document arrived at 2025-05-31 10:00 with 144 prices of "Germany SDAC" from 2025-06-04 22:00 on, each of 60 minutes: 97, then 1 more each time

    Scenario: The origin is the closing of the gate, when the day's own prices are not there yet
      Given what was published is what counts
      When "repeats yesterday" forecasts each day of "Germany SDAC" from 2025-06-05 to 2025-06-06
      Then the forecasts are:
        | day        | origin           | first | last |
        | 2025-06-05 | 2025-06-04 10:00 | 73    | 96   |
        | 2025-06-06 | 2025-06-05 10:00 | 97    | 120  |

    Scenario Outline: A correction counts from the moment at which we had it
      Given what we had is what counts
      And a document arrived at <arrival> with 24 prices of "Germany SDAC" from 2025-06-03 22:00 on, each of 60 minutes: 500, then 0 more each time
      When "repeats yesterday" forecasts each day of "Germany SDAC" from 2025-06-05 to 2025-06-05
      Then the forecasts are:
        | day        | first   | last   |
        | 2025-06-05 | <first> | <last> |

      Examples:
        | arrival          | first | last |
        | 2025-06-04 09:59 | 500   | 500  |
        | 2025-06-04 10:01 | 73    | 96   |

    Scenario: Whatever is altered of what came later, the forecast stays the same, and a forecaster that looks ahead is found out
      Given what we had is what counts
      And a document arrived at 2025-06-04 11:00 that says:
        | series       | from             | to               | value |
        | Germany SDAC | 2025-06-04 22:00 | 2025-06-04 23:00 | 900   |
        | Germany SDAC | 2025-06-03 22:00 | 2025-06-03 23:00 | 800   |
      When every price that arrived after the origin of 2025-06-05 is altered
      Then what "repeats yesterday" says of 2025-06-05 is the same as before
      But what "looks ahead" says of 2025-06-05 is not

    Scenario: Without a gate, or a word on when forecasts are made, there is no forecast
      Given a document arrived at 2025-06-20 08:00 with 48 prices of "Switzerland" from 2025-05-31 22:00 on, each of 60 minutes: 1, then 1 more each time
      When "repeats yesterday" forecasts each day of "Switzerland" from 2025-06-02 to 2025-06-02
      Then it is refused as "invalid_request"
      And the refusal names "gate closure"

  @PI1.5 @PI1.3
  Rule: FCST-002 Every forecast that was made live is kept, whatever is said later

    Background:
      Given a document arrived at 2025-05-31 08:00 with 120 prices of "Germany SDAC" from 2025-05-31 22:00 on, each of 60 minutes: 1, then 1 more each time
      And "repeats yesterday" forecast two days of "Germany SDAC" from 2025-06-05 on at 2025-06-04 08:00 as "ours"
      And a document arrived at 2025-06-05 07:00 with 24 prices of "Germany SDAC" from 2025-06-04 22:00 on, each of 60 minutes: 300, then 0 more each time
      And "repeats yesterday" forecast "Germany SDAC" for 2025-06-06 at 2025-06-05 08:00 as "ours"

    Scenario: The latest word counts
      When I ask for "Germany forecast" from 2025-06-05 22:00 to 2025-06-05 23:00
      Then the answer is:
        | from             | to               | value | issued           |
        | 2025-06-05 22:00 | 2025-06-05 23:00 | 300   | 2025-06-05 08:00 |

    Scenario: At an earlier instant the word of that time counts
      When I ask what the market had published by 2025-06-05 07:59 of "Germany forecast" from 2025-06-05 22:00 to 2025-06-05 23:00
      Then the answer is:
        | from             | to               | value | issued           |
        | 2025-06-05 22:00 | 2025-06-05 23:00 | 73    | 2025-06-04 08:00 |

    Scenario: A day before delivery is an instant of its own for each hour
      When I ask for "Germany forecast" from 2025-06-06 07:00 to 2025-06-06 09:00, as it was said a day ahead
      Then the answer is:
        | from             | to               | value | issued           |
        | 2025-06-06 07:00 | 2025-06-06 08:00 | 82    | 2025-06-04 08:00 |
        | 2025-06-06 08:00 | 2025-06-06 09:00 | 300   | 2025-06-05 08:00 |

    Scenario: Every word that was ever said can be asked for
      When I ask for every vintage of "Germany forecast" from 2025-06-05 22:00 to 2025-06-05 23:00
      Then the answer is:
        | from             | to               | value | issued           |
        | 2025-06-05 22:00 | 2025-06-05 23:00 | 73    | 2025-06-04 08:00 |
        | 2025-06-05 22:00 | 2025-06-05 23:00 | 300   | 2025-06-05 08:00 |

    Scenario: A name stands for one forecaster for ever
      When "repeats last week" forecasts "Germany SDAC" for 2025-06-07 at 2025-06-06 08:00 as "ours"
      Then it is refused as "conflict"

  @PI1.3 @PI1.4
  Rule: FCST-003 A forecaster that fails on a day leaves a gap on that day, with its reason, and on no other

    Scenario: One day of three
      Given a document arrived at 2025-05-31 08:00 with 240 prices of "Germany SDAC" from 2025-05-31 22:00 on, each of 60 minutes: 1, then 1 more each time
      When "stumbles on 2025-06-06" forecasts each day of "Germany SDAC" from 2025-06-05 to 2025-06-07
      Then the forecasts are:
        | day        | first | last |
        | 2025-06-05 | 73    | 96   |
        | 2025-06-07 | 121   | 144  |
      And the gap of 2025-06-06 is told as "plugin_broken"

    Scenario: Days before there is enough to learn from
      Given a document arrived at 2025-05-31 08:00 with 120 prices of "Germany SDAC" from 2025-06-04 22:00 on, each of 60 minutes: 1, then 1 more each time
      When "repeats yesterday" forecasts each day of "Germany SDAC" from 2025-06-05 to 2025-06-06
      Then the forecasts are:
        | day        | first | last |
        | 2025-06-06 | 1     | 24   |
      And the gap of 2025-06-05 is told as "invalid_request"

    Scenario: A forecaster that is not installed forecasts nothing
      Given a document arrived at 2025-05-31 08:00 with 120 prices of "Germany SDAC" from 2025-06-04 22:00 on, each of 60 minutes: 1, then 1 more each time
      When "nobody" forecasts each day of "Germany SDAC" from 2025-06-05 to 2025-06-06
      Then it is refused as "not_found"

  @PI1.3 @PI1.2
  Rule: FCST-004 Days of 23 and 25 hours are forecast and scored as they are

    Scenario: When clocks go forward a day has 23 forecasts, and none for the hour that is not
      Given a document arrived at 2025-03-01 08:00 with 119 prices of "Germany SDAC" from 2025-03-27 23:00 on, each of 60 minutes: 1, then 1 more each time
      When "repeats yesterday" forecasts each day of "Germany SDAC" from 2025-03-30 to 2025-03-31
      Then the forecasts are:
        | day        | first | last | hours | scored |
        | 2025-03-30 | 25    | 48   | 23    | 23     |
        | 2025-03-31 | 49    | 71   | 24    | 24     |

    Scenario: When clocks go back a day has 25 forecasts, the doubled hour twice
      Given a document arrived at 2024-10-01 08:00 with 121 prices of "Germany SDAC" from 2024-10-24 22:00 on, each of 60 minutes: 1, then 1 more each time
      When "repeats yesterday" forecasts each day of "Germany SDAC" from 2024-10-27 to 2024-10-28
      Then the forecasts are:
        | day        | first | last | hours | scored |
        | 2024-10-27 | 25    | 48   | 25    | 25     |
        | 2024-10-28 | 49    | 73   | 24    | 24     |

  @PI1.5 @PI1.2
  Rule: FCST-005 Every forecast number leads to the execution that made it, which can be repeated bit for bit

    Background:
      Given a document arrived at 2025-05-31 08:00 with 120 prices of "Germany SDAC" from 2025-05-31 22:00 on, each of 60 minutes: 1, then 1 more each time
      And "repeats yesterday" forecast "Germany SDAC" for 2025-06-05 at 2025-06-04 08:00 as "ours"

    Scenario: The execution is named, with what went into it
      When I follow the number of "Germany forecast" at 2025-06-04 22:00
      Then it stands in a document that names forecaster, version, parameters, seed and a digest of "Germany SDAC"

    Scenario: Repeated later, when more is known, it comes out the same
      Given the document "correction", made at 2025-07-01 00:00, says:
        | series       | from             | to               | value |
        | Germany SDAC | 2025-06-03 22:00 | 2025-06-03 23:00 | 500   |
      And "correction" arrived at 2025-06-04 12:00
      When the forecast "ours" is repeated at 2025-07-01 08:00
      Then it is the same bit for bit

    Scenario: The store is lost, and rebuilt with its forecasts
      When the store of numbers is lost and everything is read again at 2025-07-01 08:00
      And I ask for "Germany forecast" from 2025-06-04 22:00 to 2025-06-04 23:00
      Then the answer is:
        | from             | to               | value | issued           | recorded         |
        | 2025-06-04 22:00 | 2025-06-04 23:00 | 73    | 2025-06-04 08:00 | 2025-06-04 08:00 |
