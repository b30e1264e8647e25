@STR
Feature: Streams of what becomes known
  Whoever subscribes is told of every change as soon as it is recorded: first numbers and revisions alike, each with the
  moment at which it became known. Message servers and relays come and go; what is told is not lost, and what is told
  twice can be recognised. Who may subscribe to what is written in the policy. Instants are UTC.

  Background:
    Given a message server
    And it is 2025-03-01 12:00
    And "Pia" of "acme" holds a key as "pilot" that lives 12000 hours

  @PI1.4
  Rule: STR-001 What is recorded is told, with the moment at which it became known

    Scenario: A price reaches a subscriber
      When a document arrives at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
        | NP15 day-ahead | 2025-06-10 08:00 | 2025-06-10 09:00 | -2.25 |
        | NP15 day-ahead | 2025-06-10 09:00 | 2025-06-10 10:00 | 0     |
      And the relay works
      And "Pia" reads the stream of CAISO's hubs
      Then "Pia" was told:
        | series         | from             | to               | value | state | recorded         |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.5  | ok    | 2025-06-09 20:00 |
        | NP15 day-ahead | 2025-06-10 08:00 | 2025-06-10 09:00 | -2.25 | ok    | 2025-06-09 20:00 |
        | NP15 day-ahead | 2025-06-10 09:00 | 2025-06-10 10:00 | 0     | ok    | 2025-06-09 20:00 |

    Scenario Outline: A day on which clocks change is told whole
      Given a document arrived at <arrived> with <hours> prices of "NP15 day-ahead" from <first> on, each of 60 minutes: 20, then 1 more each time
      When the relay works
      And "Pia" reads the stream of CAISO's hubs
      Then "Pia" was told <hours> different hours in one message

      Examples:
        | arrived          | first            | hours |
        | 2025-03-08 21:00 | 2025-03-09 08:00 | 23    |
        | 2025-11-01 20:00 | 2025-11-02 07:00 | 25    |

  @PI1.3 @PI1.4
  Rule: STR-002 A revision is told like a first number, and nothing is told that says nothing new

    Scenario: One hour of two is revised
      When a document arrives at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
        | NP15 day-ahead | 2025-06-10 08:00 | 2025-06-10 09:00 | 33.00 |
      And a document arrives at 2025-06-12 09:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
        | NP15 day-ahead | 2025-06-10 08:00 | 2025-06-10 09:00 | 33.75 |
      And the relay works
      And "Pia" reads the stream of CAISO's hubs
      Then "Pia" was told:
        | from             | value | recorded         |
        | 2025-06-10 07:00 | 31.5  | 2025-06-09 20:00 |
        | 2025-06-10 08:00 | 33    | 2025-06-09 20:00 |
        | 2025-06-10 08:00 | 33.75 | 2025-06-12 09:00 |

    Scenario: A document that repeats what is known is not told
      When a document arrives at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
      And a document arrives at 2025-06-09 21:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
      And the relay works
      And "Pia" reads the stream of CAISO's hubs
      Then "Pia" was told:
        | from             | value | recorded         |
        | 2025-06-10 07:00 | 31.5  | 2025-06-09 20:00 |

    Scenario: Whoever takes in all that is told holds what is current
      When a document arrives at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
        | NP15 day-ahead | 2025-06-10 08:00 | 2025-06-10 09:00 | 33.00 |
      And a document arrives at 2025-06-12 09:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 08:00 | 2025-06-10 09:00 | 33.75 |
      And the relay works
      And "Pia" reads the stream of CAISO's hubs
      And I ask for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 09:00
      Then the answer is:
        | from             | value |
        | 2025-06-10 07:00 | 31.5  |
        | 2025-06-10 08:00 | 33.75 |
      And "Pia" holds the same

  @A1.2 @CC7.5 @PI1.3
  Rule: STR-003 Nothing is lost when a message server or a relay goes away, and a repeat can be recognised

    Background:
      Given a document arrived at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
      And the relay worked

    Scenario: Prices arrive while the message server is away
      When the message server stops
      And a document arrives at 2025-06-12 09:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.75 |
      And the relay tries to work
      Then it is refused as "stream_unavailable"
      When a document arrives at 2025-06-13 09:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.80 |
      And the message server starts again
      And the relay works
      And "Pia" reads the stream of CAISO's hubs
      Then "Pia" was told:
        | value | recorded         |
        | 31.5  | 2025-06-09 20:00 |
        | 31.75 | 2025-06-12 09:00 |
        | 31.8  | 2025-06-13 09:00 |

    Scenario: A relay ends before it noted what it had told, and another tells it again
      When a document arrives at 2025-06-12 09:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.75 |
      And the relay ends before it noted what it told
      And another relay works
      And "Pia" reads the stream of CAISO's hubs
      Then "Pia" was told:
        | value | recorded         |
        | 31.5  | 2025-06-09 20:00 |
        | 31.75 | 2025-06-12 09:00 |

    Scenario: A message that comes again carries the mark that it had
      When "Pia" reads the stream of CAISO's hubs
      And the message server forgets what it was told
      And all that was ever announced is told again
      And "Pia" reads the stream of CAISO's hubs again
      Then "Pia" was told the same again, under the same marks

  @CC6.1 @C1.1 @API1
  Rule: STR-004 A subscriber is told what the policy allows, and nothing else

    Background:
      Given a document arrived at 2025-06-09 20:00 that says:
        | series              | from             | to               | value  |
        | NP15 day-ahead      | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50  |
        | PGAE day-ahead      | 2025-06-10 07:00 | 2025-06-10 08:00 | 32.75  |
        | Alamitos day-ahead  | 2025-06-10 07:00 | 2025-06-10 08:00 | 9876.5 |
        | San Diego aggregate | 2025-06-10 07:00 | 2025-06-10 08:00 | 28.00  |
        | Malin intertie      | 2025-06-10 07:00 | 2025-06-10 08:00 | 26.00  |
      And "Ann" of "acme" holds a key as "analyst"
      And "Vera" of "house" holds a key as "auditor"
      And the relay worked

    Scenario: A CAISO pilot reads hubs
      When "Pia" reads the stream of CAISO's hubs
      Then "Pia" was told:
        | series         | value |
        | NP15 day-ahead | 31.5  |

    Scenario Outline: A CAISO pilot reads the stream of no other kind of place, and of no other market
      When "Pia" reads the stream of <what>
      Then it is refused as "not_entitled"

      Examples:
        | what            |
        | CAISO's zones   |
        | CAISO's nodes   |
        | CAISO's systems |
        | MISO's hubs     |

    Scenario: An analyst reads nodes, which come in batches
      When "Ann" reads the stream of CAISO's nodes
      Then "Ann" was told:
        | series             | value  |
        | Alamitos day-ahead | 9876.5 |

    Scenario: An auditor subscribes to nothing
      When "Vera" reads the stream of CAISO's hubs
      Then it is refused as "unauthenticated"

    Scenario: A key that is ended opens nothing
      Given the key of "Pia" is ended
      When "Pia" reads the stream of CAISO's hubs
      Then it is refused as "unauthenticated"

    Scenario: What was granted is in the audit log
      When "Pia" reads the stream of CAISO's hubs
      Then the audit log says that "Pia" was granted hubs of CAISO and nothing else

  @CC6.7 @C1.1
  Rule: STR-005 A market that forbids redistribution is told to nobody

    Scenario: The card's word counts for every subscriber
      Given "Ann" of "acme" holds a key as "analyst" that lives 12000 hours
      And the card of "caiso" says "forbidden"
      When a document arrives at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
      And the relay works
      Then no stream of CAISO exists
      When "Ann" reads the stream of CAISO's hubs
      Then it is refused as "not_entitled"
