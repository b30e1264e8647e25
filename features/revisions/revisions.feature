@REV
Feature: Revisions and two clocks
  Operators correct what they have said. Nothing that was once recorded is lost or changed, and two different
  questions have two different answers: what did we have at a moment, and what had the market published by then?
  Instants in this file are UTC.

  @PI1.3 @PI1.5
  Rule: REV-001 A revision never changes an answer that was given for an earlier moment

    Background:
      Given the document "first edition" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.00 |
        | Illinois day-ahead | 2025-06-10 06:00 | 2025-06-10 07:00 | 28.00 |
      And the document "second edition" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 31.50 |
        | Illinois day-ahead | 2025-06-10 06:00 | 2025-06-10 07:00 | 28.00 |
      And "first edition" arrived at 2025-06-09 19:20
      And "second edition" arrived at 2025-06-11 15:00

    Scenario: What we had before the correction
      When I ask what we had at 2025-06-11 14:59 of "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 07:00
      Then the answer is:
        | from             | to               | value | state | recorded         |
        | 2025-06-10 05:00 | 2025-06-10 06:00 | 30    | ok    | 2025-06-09 19:20 |
        | 2025-06-10 06:00 | 2025-06-10 07:00 | 28    | ok    | 2025-06-09 19:20 |

    Scenario: What we have since, where the unchanged hour keeps the moment at which it was first recorded
      When I ask at 2025-06-12 08:00 for "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 07:00
      Then the answer is:
        | from             | to               | value | state | recorded         |
        | 2025-06-10 05:00 | 2025-06-10 06:00 | 31.50 | ok    | 2025-06-11 15:00 |
        | 2025-06-10 06:00 | 2025-06-10 07:00 | 28    | ok    | 2025-06-09 19:20 |

    Scenario: What we had before anything arrived is an answer too: two hours that were pending
      When I ask what we had at 2025-06-09 18:59 of "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 07:00
      Then the answer is:
        | from             | to               | value | state   |
        | 2025-06-10 05:00 | 2025-06-10 06:00 |       | pending |
        | 2025-06-10 06:00 | 2025-06-10 07:00 |       | pending |

    Scenario: What we shall have is refused, since the answer could still change
      When I ask what we had at 2025-06-11 15:01 of "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 07:00
      Then it is refused as "invalid_request"
      And the refusal names "later than the last commit"

  @PI1.3 @PI1.5
  Rule: REV-002 Every change of mind is kept, also one that goes back

    Scenario: From A to B and back to A are three revisions
      Given the document "A" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.00 |
      And the document "B" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 45.00 |
      When "A" arrives at 2025-06-09 19:20
      And "B" arrives at 2025-06-09 20:20
      And "A" arrives at 2025-06-09 21:20
      And I ask for every revision of "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | recorded         |
        | 30    | 2025-06-09 19:20 |
        | 45    | 2025-06-09 20:20 |
        | 30    | 2025-06-09 21:20 |

    Scenario: The same document twice is no revision
      Given the document "A" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.00 |
      When "A" arrives at 2025-06-09 19:20
      And "A" arrives at 2025-06-09 20:20
      And I ask for every revision of "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | recorded         |
        | 30    | 2025-06-09 19:20 |

  @PI1.3
  Rule: REV-003 The more final statement counts, whatever arrives last

    Background:
      Given the document "preliminary prices" says:
        | series             | from             | to               | value | finality    |
        | Illinois real-time | 2025-06-10 05:00 | 2025-06-10 06:00 | 40.00 | preliminary |
      And the document "final prices" says:
        | series             | from             | to               | value | finality |
        | Illinois real-time | 2025-06-10 05:00 | 2025-06-10 06:00 | 42.10 | final    |

    Scenario: Final prices replace preliminary ones
      When "preliminary prices" arrives at 2025-06-11 17:00
      And I ask for "Illinois real-time" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | finality    |
        | 40    | preliminary |
      When "final prices" arrives at 2025-06-17 17:00
      And I ask for "Illinois real-time" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | finality |
        | 42.10 | final    |

    Scenario: Preliminary prices that arrive after the final ones are kept and do not count
      When "final prices" arrives at 2025-06-17 17:00
      And "preliminary prices" arrives at 2025-06-18 09:00
      And I ask for "Illinois real-time" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | finality |
        | 42.10 | final    |
      When I ask for every revision of "Illinois real-time" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | finality    | recorded         |
        | 42.10 | final       | 2025-06-17 17:00 |
        | 40    | preliminary | 2025-06-18 09:00 |

    Scenario: A real-time report that says neither preliminary nor final is refused
      Given the document "nameless prices" is "final prices" without its words for final
      When "nameless prices" is handed over at 2025-06-18 09:00
      Then "nameless prices" is refused as "feed_format_changed"

  @PI1.3
  Rule: REV-004 What a later document no longer says is taken back, and the taking back is seen

    Background:
      Given the document "noon", made at 2024-06-11 11:00, says:
        | series           | from             | to               | value |
        | Netherlands SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 |
        | Netherlands SDAC | 2024-06-12 11:00 | 2024-06-12 12:00 | -3.05 |
      And the document "one o'clock", made at 2024-06-11 12:00, says:
        | series           | from             | to               | value |
        | Netherlands SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 |

    Scenario: An hour that the later document for the same day lacks is retracted
      When "noon" arrives at 2024-06-11 11:01
      And "one o'clock" arrives at 2024-06-11 12:01
      And I ask for "Netherlands SDAC" from 2024-06-12 10:00 to 2024-06-12 12:00
      Then the answer is:
        | from             | to               | value | state   | marks     |
        | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 | ok      |           |
        | 2024-06-12 11:00 | 2024-06-12 12:00 |       | missing | retracted |
      When I ask what we had at 2024-06-11 12:00 of "Netherlands SDAC" from 2024-06-12 11:00 to 2024-06-12 12:00
      Then the answer is:
        | from             | to               | value | state | marks |
        | 2024-06-12 11:00 | 2024-06-12 12:00 | -3.05 | ok    |       |

    Scenario: An older document that comes late takes nothing back
      When "one o'clock" arrives at 2024-06-11 12:01
      And "noon" arrives at 2024-06-13 09:00
      And I ask for "Netherlands SDAC" from 2024-06-12 10:00 to 2024-06-12 12:00
      Then the answer is:
        | from             | to               | value | state   | marks     |
        | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 | ok      |           |
        | 2024-06-12 11:00 | 2024-06-12 12:00 |       | missing | retracted |

  @PI1.3 @PI1.5
  Rule: REV-005 Documents that state when they were made give the same answer in whatever order they arrive

    Scenario Outline: Three editions of one day in any order
      Given the document "noon", made at 2024-06-11 11:00, says:
        | series           | from             | to               | value |
        | Netherlands SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 |
        | Netherlands SDAC | 2024-06-12 11:00 | 2024-06-12 12:00 | 58.00 |
        | Netherlands SDAC | 2024-06-12 12:00 | 2024-06-12 13:00 | 55.10 |
      And the document "one", made at 2024-06-11 12:00, says:
        | series           | from             | to               | value |
        | Netherlands SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 |
        | Netherlands SDAC | 2024-06-12 11:00 | 2024-06-12 12:00 | 99.00 |
      And the document "two", made at 2024-06-11 13:00, says:
        | series           | from             | to               | value |
        | Netherlands SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 63.70 |
        | Netherlands SDAC | 2024-06-12 11:00 | 2024-06-12 12:00 | 99.00 |
        | Netherlands SDAC | 2024-06-12 12:00 | 2024-06-12 13:00 | 55.10 |
      When "<first>" arrives at 2024-06-14 08:00
      And "<second>" arrives at 2024-06-14 09:00
      And "<third>" arrives at 2024-06-14 10:00
      And I ask for "Netherlands SDAC" from 2024-06-12 10:00 to 2024-06-12 13:00
      Then the answer is:
        | from             | to               | value | state |
        | 2024-06-12 10:00 | 2024-06-12 11:00 | 63.70 | ok    |
        | 2024-06-12 11:00 | 2024-06-12 12:00 | 99.00 | ok    |
        | 2024-06-12 12:00 | 2024-06-12 13:00 | 55.10 | ok    |

      Examples:
        | first | second | third |
        | noon  | one    | two   |
        | noon  | two    | one   |
        | one   | noon   | two   |
        | one   | two    | noon  |
        | two   | noon   | one   |
        | two   | one    | noon  |

  @PI1.3
  Rule: REV-006 Prices of finer intervals replace the coarser price of the same time, and never stand beside it

    Scenario: An hour that is published again as four quarters
      Given the document "by the hour", made at 2025-10-04 11:00, says:
        | series       | from             | to               | value |
        | Germany SDAC | 2025-10-05 10:00 | 2025-10-05 11:00 | 80.00 |
      And the document "by the quarter", made at 2025-10-04 12:00, says:
        | series       | from             | to               | value |
        | Germany SDAC | 2025-10-05 10:00 | 2025-10-05 10:15 | 70.00 |
        | Germany SDAC | 2025-10-05 10:15 | 2025-10-05 10:30 | 75.00 |
        | Germany SDAC | 2025-10-05 10:30 | 2025-10-05 10:45 | 85.00 |
        | Germany SDAC | 2025-10-05 10:45 | 2025-10-05 11:00 | 90.00 |
      When "by the hour" arrives at 2025-10-04 11:01
      And "by the quarter" arrives at 2025-10-04 12:01
      And I ask for "Germany SDAC" from 2025-10-05 10:00 to 2025-10-05 11:00
      Then the answer is:
        | from             | to               | value | state |
        | 2025-10-05 10:00 | 2025-10-05 10:15 | 70    | ok    |
        | 2025-10-05 10:15 | 2025-10-05 10:30 | 75    | ok    |
        | 2025-10-05 10:30 | 2025-10-05 10:45 | 85    | ok    |
        | 2025-10-05 10:45 | 2025-10-05 11:00 | 90    | ok    |

  @PI1.3 @PI1.4
  Rule: REV-007 What the market had published is a question of its own, and the answer says how we know

    Scenario Outline: Prices loaded a year later stand at the moment at which the operator says it published them
      Given the document "dispatch" says:
        | series                   | from             | to               | value | published           |
        | New South Wales dispatch | 2025-01-10 04:00 | 2025-01-10 04:05 | 91.77 | 2025-01-10 04:00:21 |
      And "dispatch" arrived at 2026-01-15 12:00
      When I ask what the market had published by <at> of "New South Wales dispatch" from 2025-01-10 04:00 to 2025-01-10 04:05
      Then the answer is:
        | value   | state   | published   | known from   |
        | <value> | <state> | <published> | <known from> |

      Examples:
        | at                  | value | state   | published           | known from |
        | 2025-01-10 04:00:20 |       | pending |                     |            |
        | 2025-01-10 04:00:21 | 91.77 | ok      | 2025-01-10 04:00:21 | claim      |

    Scenario Outline: Where the operator does not say, the market's latest usual time counts: 14:00 Eastern Standard Time of the day before
      Given the document "day-ahead" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.00 |
      And "day-ahead" arrived at 2026-01-15 12:00
      When I ask what the market had published by <at> of "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value   | state   | published   | known from   |
        | <value> | <state> | <published> | <known from> |

      Examples:
        | at               | value | state   | published        | known from |
        | 2025-06-09 18:59 |       | pending |                  |            |
        | 2025-06-09 19:00 | 30.00 | ok      | 2025-06-09 19:00 | rule       |

    Scenario: A document that we hold before that time was out when we got it
      Given the document "day-ahead" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.00 |
      And "day-ahead" arrived at 2025-06-09 18:31
      When I ask for "Illinois day-ahead" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | published        | known from |
        | 30    | 2025-06-09 18:31 | observed   |

    Scenario: The moment at which a platform answered our question is no publication and is not taken for one
      Given the document "reply", made at 2026-05-07 09:30, says:
        | series           | from             | to               | value |
        | Netherlands SDAC | 2024-09-02 10:00 | 2024-09-02 11:00 | 77.00 |
      And "reply" arrived at 2026-05-07 09:30
      When I ask for "Netherlands SDAC" from 2024-09-02 10:00 to 2024-09-02 11:00
      Then the answer is:
        | value | published        | known from |
        | 77    | 2024-09-01 12:00 | rule       |

    Scenario: Both clocks together: a final price that we did not yet have does not show what the market had published
      Given the document "preliminary prices" says:
        | series             | from             | to               | value | finality    |
        | Illinois real-time | 2025-06-10 05:00 | 2025-06-10 06:00 | 40.00 | preliminary |
      And the document "final prices" says:
        | series             | from             | to               | value | finality |
        | Illinois real-time | 2025-06-10 05:00 | 2025-06-10 06:00 | 42.10 | final    |
      And "preliminary prices" arrived at 2025-06-12 08:00
      And "final prices" arrived at 2025-06-17 17:00
      When I ask what we had at 2025-06-12 08:00, published by 2025-06-11 17:00, of "Illinois real-time" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | finality    |
        | 40    | preliminary |

  @PI1.3 @PI1.5
  Rule: REV-008 A better reading of a document replaces its own numbers and leaves no stray interval behind

    Scenario: A translator that put the intervals an hour late is corrected, and the archive is read again
      Given the demo exchange's translator puts every interval an hour late
      And the demo exchange's document of 2025-06-04 arrived at 2025-06-03 12:00:
        | auction | slot | price |
        | first   | 1    | 41.00 |
        | first   | 2    | 43.00 |
      When the demo exchange's translator is corrected
      And the demo exchange's documents are read again at 2025-06-05 10:00
      And I ask for "Demo north" from 2025-06-03 22:00 to 2025-06-04 01:00
      Then the answer is:
        | from             | to               | value | state   | marks     |
        | 2025-06-03 22:00 | 2025-06-03 23:00 | 41    | ok      |           |
        | 2025-06-03 23:00 | 2025-06-04 00:00 | 43    | ok      |           |
        | 2025-06-04 00:00 | 2025-06-04 01:00 |       | missing | retracted |
      When I ask what we had at 2025-06-05 09:59 of "Demo north" from 2025-06-03 23:00 to 2025-06-04 01:00
      Then the answer is:
        | from             | to               | value | state |
        | 2025-06-03 23:00 | 2025-06-04 00:00 | 41    | ok    |
        | 2025-06-04 00:00 | 2025-06-04 01:00 | 43    | ok    |

    Scenario: Reading again with the same translator changes nothing
      Given the demo exchange's document of 2025-06-04 arrived at 2025-06-03 12:00:
        | auction | slot | price |
        | first   | 1    | 41.00 |
      When the demo exchange's documents are read again at 2025-06-05 10:00
      And I ask for every revision of "Demo north" from 2025-06-03 22:00 to 2025-06-03 23:00
      Then the answer is:
        | value | recorded         |
        | 41    | 2025-06-03 12:00 |

  @A1.2 @CC7.5 @PI1.5
  Rule: REV-009 A store that is lost is made again from the archive, with the moments at which each number was recorded

    Background:
      Given the document "preliminary prices" says:
        | series             | from             | to               | value | finality    |
        | Illinois real-time | 2025-06-10 05:00 | 2025-06-10 06:00 | 40.00 | preliminary |
      And the document "final prices" says:
        | series             | from             | to               | value | finality |
        | Illinois real-time | 2025-06-10 05:00 | 2025-06-10 06:00 | 42.10 | final    |
      And "preliminary prices" arrived at 2025-06-11 17:00
      And "final prices" arrived at 2025-06-17 17:00

    Scenario: Losing the store and rebuilding it
      When the store of numbers is lost and rebuilt at 2025-09-01 06:00
      And I ask for every revision of "Illinois real-time" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | finality    | recorded         |
        | 40    | preliminary | 2025-06-11 17:00 |
        | 42.10 | final       | 2025-06-17 17:00 |
      When I ask what we had at 2025-06-17 16:59 of "Illinois real-time" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | finality    |
        | 40    | preliminary |

    Scenario: A document whose archived copy is no longer what it was is refused, and its numbers are not made up
      Given the archived copy of "final prices" has rotted
      When the store of numbers is lost and rebuilt at 2025-09-01 06:00
      Then rebuilding refused one document as "document_damaged"
      When I ask for "Illinois real-time" from 2025-06-10 05:00 to 2025-06-10 06:00
      Then the answer is:
        | value | finality    |
        | 40    | preliminary |
