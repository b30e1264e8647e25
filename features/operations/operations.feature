@OPS
Feature: Feeds that are looked after
  Nobody sits beside a feed at night. The platform asks each operator when its numbers are due, leaves one that fails
  alone for a while, says once that something is late and once that it has come, and finds by itself what it missed.
  The demo exchange's prices are due at 13:00 in Berlin on the day before, and it is asked every hour. Instants in this
  file are UTC.

  Background:
    Given the demo exchange is asked every hour

  @A1.2 @CC9.1 @CC9.2
  Rule: OPS-001 A feed that fails stops no other

    Scenario: One exchange does not answer, and the auction of the same day is taken in
      Given the demo exchange does not answer
      And the auction house has published "EUA" of 2025-03-10 at 71.37
      When the jobs run every hour from 2025-03-10 10:30 to 2025-03-10 12:30
      Then the feed "demo prices" is told as "feed_unavailable"
      And the feed "eu_ets auctions" is well
      When I ask for "EUA" from 2025-03-09 23:00 to 2025-03-10 23:00
      Then the answer is:
        | from             | to               | value | state |
        | 2025-03-09 23:00 | 2025-03-10 23:00 | 71.37 | ok    |

    Scenario: A document that is none is told at once, and the other feeds go on
      Given the demo exchange answers with a page that is no document of its own
      And the auction house has published "EUA" of 2025-03-10 at 71.37
      When the jobs run every hour from 2025-03-10 10:30 to 2025-03-10 12:30
      Then the feed "demo prices" is told as "document_damaged"
      And the feed "eu_ets auctions" is well

    Scenario: A feed that fails is asked less and less often
      Given the demo exchange does not answer
      When the jobs run at 2025-03-10 12:00
      And the jobs run every minute from 2025-03-10 12:01 to 2025-03-10 12:59
      Then the demo exchange was asked once for its day 2025-03-11

    Scenario: Prices that are not out yet are no failure
      Given the demo exchange has nothing yet
      When the jobs run every hour from 2025-03-10 12:00 to 2025-03-10 16:00
      Then the demo exchange was asked 5 times for its day 2025-03-11
      And no alarm was raised

  @CC7.2 @CC7.3 @A1.2
  Rule: OPS-002 An alarm is raised once, and called off once

    Scenario: An exchange is down for a night
      Given the demo exchange does not answer
      When the jobs run every hour from 2025-03-10 12:00 to 2025-03-11 04:00
      Then these alarms were raised:
        | at               | feed        | check  |
        | 2025-03-10 14:00 | demo prices | source |
      When the demo exchange answers again
      And the jobs run every hour from 2025-03-11 05:00 to 2025-03-11 11:00
      Then these alarms were called off:
        | at               | feed        | check  | raised           |
        | 2025-03-11 05:00 | demo prices | source | 2025-03-10 14:00 |

    Scenario: Prices that do not come are told once, an hour after they were due
      Given the demo exchange's day 2025-03-08 was taken in
      And the demo exchange's day 2025-03-09 was taken in
      And the demo exchange's day 2025-03-10 was taken in
      And the demo exchange has nothing yet
      When the jobs run every 5 minutes from 2025-03-10 12:00 to 2025-03-10 15:00
      Then these alarms were raised:
        | at               | feed        | check     |
        | 2025-03-10 13:10 | demo prices | freshness |
      When the demo exchange's day 2025-03-11 is taken in
      And the jobs run every 5 minutes from 2025-03-10 15:05 to 2025-03-10 16:00
      Then these alarms were called off:
        | at               | feed        | check     | raised           |
        | 2025-03-10 15:05 | demo prices | freshness | 2025-03-10 13:10 |

    Scenario: Whoever starts the platform again does not hear the same alarm again
      Given the demo exchange does not answer
      When the jobs run every hour from 2025-03-10 12:00 to 2025-03-10 16:00
      And the platform is started again
      And the jobs run every hour from 2025-03-10 17:00 to 2025-03-10 22:00
      Then these alarms were raised:
        | at               | feed        | check  |
        | 2025-03-10 14:00 | demo prices | source |

  @CC7.5 @PI1.4 @A1.2
  Rule: OPS-003 What was missed while nothing ran is caught up, within a week

    Scenario: Three days were missed
      Given the demo exchange's day 2025-03-07 was taken in
      And the demo exchange has published every day
      When the jobs run at 2025-03-10 18:30
      And I ask for "Demo north" from 2025-03-07 23:00 to 2025-03-11 23:00
      Then the answer has 96 intervals from 2025-03-07 23:00 to 2025-03-11 23:00, all with a price

    Scenario Outline: A missed day of a clock change is caught up whole
      Given the demo exchange's day <before> was taken in
      And the demo exchange has published every day
      When the jobs run at <late>
      And I ask for "Demo north" from <first> to <end>
      Then the answer has <hours> intervals from <first> to <end>, all with a price

      Examples:
        | before     | late             | first            | end              | hours |
        | 2025-03-29 | 2025-03-31 08:00 | 2025-03-29 23:00 | 2025-03-30 22:00 | 23    |
        | 2025-10-25 | 2025-10-27 08:00 | 2025-10-25 22:00 | 2025-10-26 23:00 | 25    |

    Scenario: What is here already is not asked for again
      Given the demo exchange's day 2025-03-10 was taken in
      And the demo exchange's day 2025-03-11 was taken in
      And the demo exchange has published every day
      When the jobs run at 2025-03-10 18:30
      And the jobs run at 2025-03-10 19:30
      Then nobody was asked for 2025-03-10 or 2025-03-11
