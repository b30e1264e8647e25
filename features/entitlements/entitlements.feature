@ENT
Feature: Entitlements
  Who asks is somebody: a name within a firm, with a role, known by a key. What a role may do is written in the policy,
  line by line; what no line allows is refused. One policy stands behind every way to a number. Instants are UTC.

  @CC6.1 @API1
  Rule: ENT-001 A CAISO pilot customer sees hubs, and nothing else

    Background:
      Given a document arrived at 2025-06-09 20:00 that says:
        | series              | from             | to               | value |
        | NP15 day-ahead      | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
        | NP15 day-ahead      | 2025-06-10 08:00 | 2025-06-10 09:00 | -2.25 |
        | PGAE day-ahead      | 2025-06-10 07:00 | 2025-06-10 08:00 | 32.75 |
        | Alamitos day-ahead  | 2025-06-10 07:00 | 2025-06-10 08:00 | 9876.5 |
        | San Diego aggregate | 2025-06-10 07:00 | 2025-06-10 08:00 | 28.00 |
        | Malin intertie      | 2025-06-10 07:00 | 2025-06-10 08:00 | 26.00 |
      And "Pia" of "acme" holds a key as "pilot"
      And it is 2025-06-10 12:00

    Scenario: A hub is shown
      When "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 09:00
      Then the answer is:
        | from             | to               | value | state |
        | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 | ok    |
        | 2025-06-10 08:00 | 2025-06-10 09:00 | -2.25 | ok    |

    Scenario Outline: Every other kind of place is refused
      When "Pia" asks for "<series>" from 2025-06-10 07:00 to 2025-06-10 09:00
      Then it is refused as "not_entitled"
      And the refusal says nothing of "9876.5"

      Examples:
        | series                                        |
        | PGAE day-ahead                                |
        | Alamitos day-ahead                            |
        | San Diego aggregate                           |
        | Malin intertie                                |
        | caiso/actual/load/area/PGE-TAC                |
        | caiso/actual/load/system/CA=20ISO-TAC         |
        | Illinois day-ahead                            |
        | caiso/day_ahead/price/node/TH_NP15_GEN-APND   |
        | caiso/day_ahead/price/unit/TH_NP15_GEN-APND   |

    Scenario: A kind of place that nobody knows is no question
      When "Pia" asks for "caiso/day_ahead/price/station/TH_NP15_GEN-APND" from 2025-06-10 07:00 to 2025-06-10 09:00
      Then it is refused as "invalid_request"

    Scenario Outline: What does not exist is refused like what does
      When "Pia" asks for "<series>" from 2025-06-10 07:00 to 2025-06-10 09:00
      Then it is refused as "not_entitled"
      And the refusal is that of "Alamitos day-ahead", but for its name

      Examples:
        | series                                |
        | caiso/day_ahead/price/node/NOWHERE_1  |
        | atlantis/day_ahead/price/hub/NORTH    |

    Scenario: A list of all series, and a count of them, hold hubs alone
      When "Pia" lists every series
      Then the list is:
        | series         | first            | last             | rows |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 09:00 | 2    |

    Scenario: A search for a node finds nothing
      When "Pia" looks for "ALAMIT"
      Then the list is empty

    Scenario: Totals count hubs alone
      When "Pia" asks how much is stored
      Then 1 series with 2 intervals is told

    Scenario: Coverage is told of hubs alone
      When "Pia" asks how far "caiso/*" reaches
      Then the list is:
        | series         |
        | NP15 day-ahead |

    Scenario: A hub's number is traced to its document
      When "Pia" traces the number of "NP15 day-ahead" at 2025-06-10 07:00
      Then the number is 31.5
      And the fragment says nothing of "9876.5"

    Scenario: A node's number is not traced
      When "Pia" traces the number of "Alamitos day-ahead" at 2025-06-10 07:00
      Then it is refused as "not_entitled"

    Scenario: Findings on quality are told of hubs alone
      When "Pia" asks for findings on quality from 2025-06-10 07:00 to 2025-06-11 07:00
      Then findings are told of "NP15 day-ahead"
      And no finding is told of any other series
      And no finding says anything of "9876.5"

    Scenario: The board shows hubs alone
      When "Pia" looks at the board of 2025-06-10
      Then the board shows "NP15 day-ahead" and nothing else

    Scenario Outline: Hubs leave the house as files and as streams, and nothing else does
      When "Pia" <does> "NP15 day-ahead"
      Then it is granted
      When "Pia" <does> "Alamitos day-ahead"
      Then it is refused as "not_entitled"
      When "Pia" <does> "PGAE day-ahead"
      Then it is refused as "not_entitled"

      Examples:
        | does          |
        | exports       |
        | subscribes to |

    Scenario: A pattern over everything brings hubs alone
      When "Pia" exports everything
      Then it brings "NP15 day-ahead" and nothing else

    Scenario Outline: What is not about numbers is not for a pilot
      When "Pia" tries to <do>
      Then it is refused as "not_entitled"

      Examples:
        | do                  |
        | read the audit log  |
        | make a key          |
        | end a key           |
        | list the keys       |

  @CC6.3 @API5
  Rule: ENT-002 Each role may do what its lines say, and no more

    Background:
      Given a document arrived at 2025-06-09 20:00 that says:
        | series             | from             | to               | value |
        | NP15 day-ahead     | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
        | Alamitos day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 29.00 |

    Scenario: An analyst sees every number, and neither the audit log nor keys
      Given "Ana" of "house" holds a key as "analyst"
      When "Ana" asks for "Alamitos day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer has 1 intervals
      When "Ana" tries to read the audit log
      Then it is refused as "not_entitled"
      When "Ana" tries to make a key
      Then it is refused as "not_entitled"

    Scenario: An auditor sees who did what, and no number
      Given "Ada" of "house" holds a key as "auditor"
      When "Ada" tries to read the audit log
      Then it is granted
      When "Ada" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "not_entitled"
      When "Ada" lists every series
      Then the list is empty
      When "Ada" exports "NP15 day-ahead"
      Then it is refused as "not_entitled"

    Scenario: An administrator makes and ends keys
      Given "Root" of "house" holds a key as "admin"
      When "Root" tries to make a key
      Then it is granted
      When "Root" tries to list the keys
      Then it is granted

  @CC6.3
  Rule: ENT-003 What no line allows is refused, a deny beats every allow, and a line names whole words

    Background:
      Given a document arrived at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |

    Scenario: A role without a line sees nothing
      Given the policy is:
        """
        p, guest, *, read, miso, *, *, hub, *, allow
        """
      And "Gus" of "acme" holds a key as "guest"
      When "Gus" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "not_entitled"

    Scenario: A deny for one firm beats the allow for all
      Given the policy is:
        """
        p, pilot, *, read, caiso, *, *, hub, *, allow
        p, pilot, globex, read, caiso, *, *, hub, TH_NP15_GEN-APND, deny
        """
      And "Pia" of "acme" holds a key as "pilot"
      And "Gil" of "globex" holds a key as "pilot"
      When "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer has 1 intervals
      When "Gil" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "not_entitled"

    Scenario Outline: A line that is not made of whole words is refused, with its place
      When the policy is changed to:
        """
        p, pilot, *, read, caiso, *, *, <kind>, <location>, allow
        """
      Then the policy is refused as "settings_invalid"
      And the refusal names "line 1"
      And the refusal names "<names>"

      Examples:
        | kind | location | names           |
        | hub* | *        | kind 'hub*'     |
        | hubs | *        | kind 'hubs'     |
        | hub  | TH_*     | location 'TH_*' |

    Scenario: Nobody is let in by a policy that cannot be read
      Given "Pia" of "acme" holds a key as "pilot"
      When the policy is changed to:
        """
        p, pilot, *, read, caiso, *, *, hubs, *, allow
        """
      And "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "settings_invalid"

  @CC6.3
  Rule: ENT-004 A change is in force at the very next question

    Background:
      Given a document arrived at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
      And "Pia" of "acme" holds a key as "pilot"

    Scenario: A line that is taken away
      When "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer has 1 intervals
      When the policy is changed to:
        """
        p, pilot, *, read, miso, *, *, hub, *, allow
        """
      And "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "not_entitled"

    Scenario: A key that is ended
      When "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer has 1 intervals
      When the key of "Pia" is ended
      And "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "unauthenticated"

  @CC6.2 @API2
  Rule: ENT-005 Who calls proves it with a key that is right, known, not ended and not expired

    Background:
      Given a document arrived at 2026-11-01 04:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2026-11-01 08:00 | 2026-11-01 09:00 | 31.50 |
      And "Pia" of "acme" holds a key as "pilot" that lives 24 hours

    Scenario: A key is good for as long as it lives, over a day of 25 hours too
      When it is 2026-11-02 03:59
      And "Pia" asks for "NP15 day-ahead" from 2026-11-01 08:00 to 2026-11-01 09:00
      Then the answer has 1 intervals
      When it is 2026-11-02 04:00
      And "Pia" asks for "NP15 day-ahead" from 2026-11-01 08:00 to 2026-11-01 09:00
      Then it is refused as "unauthenticated"
      And the refusal names "expired"

    Scenario Outline: A key that is not right is refused, and all of them alike
      When somebody asks with <key>
      Then it is refused as "unauthenticated"
      And the refusal is the same for every wrong key

      Examples:
        | key                                    |
        | the key of "Pia" with another ending   |
        | a key that was never made              |
        | a word that is no key                  |

    Scenario: Who shows no key is asked for one
      When somebody asks with nothing
      Then it is refused as "unauthenticated"
      And the refusal names "key is needed"

    Scenario: Two keys at a time, so that one can follow the other without a gap
      When "Pia" is given another key
      Then it is granted
      When "Pia" is given another key
      Then it is refused as "conflict"

  @CC6.3 @CC7.3
  Rule: ENT-006 Every refusal is explained to whom it was given, and to auditors

    Background:
      Given it is 2025-06-10 12:00
      And "Pia" of "acme" holds a key as "pilot"
      And "Ada" of "house" holds a key as "auditor"
      And "Otto" of "acme" holds a key as "auditor"
      And "Eve" of "globex" holds a key as "auditor"

    Scenario: What no line allows says so
      When "Pia" asks for "Alamitos day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "not_entitled"
      When "Pia" asks why
      Then the decision says:
        | who | firm | did  | at               | why                               |
        | Pia | acme | read | 2025-06-10 12:00 | no line of the policy allows it   |

    Scenario: What a line denies names the line
      Given the policy is changed to:
        """
        p, pilot, *, read, caiso, *, *, *, *, allow
        p, pilot, *, read, caiso, *, *, node, *, deny
        p, auditor, *, audit, *, *, *, *, *, allow
        """
      When "Pia" asks for "Alamitos day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "not_entitled"
      When "Pia" asks why
      Then the decision names "line 2: p, pilot, *, read, caiso, *, *, node, *, deny"

    Scenario Outline: Auditors read it, of that firm and of the house, and nobody else does
      When "Pia" asks for "Alamitos day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "not_entitled"
      When "<who>" asks why
      Then it is <told>

      Examples:
        | who  | told                    |
        | Ada  | granted                 |
        | Otto | granted                 |
        | Eve  | refused as "not_found"  |

  @CC6.7
  Rule: ENT-007 What an operator forbids to pass on is neither exported nor streamed

    Background:
      Given it is 2025-06-09 19:00
      And "Ana" of "house" holds a key as "analyst"
      And "Cas" of "acme" holds a key as "analyst"

    Scenario Outline: A card that forbids it keeps its numbers inside, whoever asks
      Given the card of "caiso" says "forbidden"
      When "<who>" <does> "NP15 day-ahead"
      Then it is refused as "not_entitled"
      When "<who>" asks why
      Then the decision names "the card of caiso"

      Examples:
        | who | does          |
        | Ana | exports       |
        | Ana | subscribes to |
        | Cas | exports       |

    Scenario: They are read all the same
      Given the card of "caiso" says "forbidden"
      And a document arrived at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
      When "Ana" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer has 1 intervals

    Scenario: A card for internal use lets the house export, and no customer
      Given the card of "caiso" says "internal"
      And a document arrived at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
      When "Ana" exports "NP15 day-ahead"
      Then it is granted
      When "Cas" exports "NP15 day-ahead"
      Then it is refused as "not_entitled"
