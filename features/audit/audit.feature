@AUD
Feature: Audit
  Whatever a principal does is written down before it happens and after. What is written can be proved, and whoever
  changes it is found out. Instants are UTC.

  @CC7.2
  Rule: AUD-001 Every call is written down before it happens, and when it is over with what came of it

    Background:
      Given it is 2025-06-10 10:00
      And "Pia" of "acme" holds a key as "pilot"
      And it is 2025-06-10 12:00

    Scenario: A call that was answered
      Given a document arrived at 2025-06-10 11:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
      And it is 2025-06-10 12:00
      When "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer has 1 intervals
      And the last entries of the audit log are:
        | at               | who | firm | what     | did  | outcome |
        | 2025-06-10 12:00 | Pia | acme | started  | read |         |
        | 2025-06-10 12:00 | Pia | acme | finished | read | ok      |

    Scenario: A call that was refused
      When "Pia" asks for "Alamitos day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "not_entitled"
      And the last entries of the audit log are:
        | at               | who | firm | what     | did  | outcome      |
        | 2025-06-10 12:00 | Pia | acme | started  | read |              |
        | 2025-06-10 12:00 | Pia | acme | finished | read | not_entitled |

    Scenario: A key that was made and one that was ended
      When "Pia" is given another key
      And the key of "Pia" is ended
      Then the last entries of the audit log are:
        | at               | who   | firm  | what     | did        | outcome |
        | 2025-06-10 12:00 | owner | house | started  | administer |         |
        | 2025-06-10 12:00 | owner | house | finished | administer | ok      |
        | 2025-06-10 12:00 | owner | house | started  | administer |         |
        | 2025-06-10 12:00 | owner | house | finished | administer | ok      |

    Scenario: A key that was ended and is used
      Given the key of "Pia" is ended
      When "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "unauthenticated"
      And the last entries of the audit log are:
        | at               | who | firm | what    | did          | outcome         |
        | 2025-06-10 12:00 | Pia | acme | refused | authenticate | unauthenticated |

  @CC4.1 @CC7.2
  Rule: AUD-002 Where nothing can be written down, nothing is done

    Background:
      Given a document arrived at 2025-06-09 20:00 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.50 |
      And "Pia" of "acme" holds a key as "pilot"

    Scenario: The audit log is full
      Given the audit log is full
      When "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "audit_unavailable"
      When the audit log has room again
      And "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer has 1 intervals

    Scenario: No key is made that nobody wrote down
      Given the audit log is full
      When "Pia" is given another key
      Then it is refused as "audit_unavailable"
      And there is 1 key

    Scenario: The audit log fills up while an answer is made
      When "Pia" asks for "NP15 day-ahead" while the audit log fills up
      Then the answer has 1 intervals
      When "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "audit_unavailable"
      When the audit log has room again
      And "Pia" asks for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer has 1 intervals
      And the last entries of the audit log are:
        | at               | who | firm | what     | did  | outcome |
        | 2025-06-09 20:00 | Pia | acme | started  | read |         |
        | 2025-06-09 20:00 | Pia | acme | finished | read | ok      |
        | 2025-06-09 20:00 | Pia | acme | started  | read |         |
        | 2025-06-09 20:00 | Pia | acme | finished | read | ok      |

    Scenario: The audit log fills up while a refusal is made
      When "Pia" asks for "Alamitos day-ahead" while the audit log fills up
      Then it is refused as "audit_unavailable"

  @CC4.1 @CC4.2
  Rule: AUD-003 Whatever is done to an entry is found, and the entry is named

    Background:
      Given "Pia" of "acme" holds a key as "pilot"
      And "Pia" has asked 6 times

    Scenario: A log that nobody touched
      When the audit log is checked
      Then everything is as it was written

    Scenario Outline: A log that somebody touched
      Given somebody <does>
      When the audit log is checked
      Then it is found that "<found>"

      Examples:
        | does                                            | found               |
        | alters the text of entry 5                      | altered: entry 5    |
        | alters entry 5 and its hash                     | moved: entry 5      |
        | removes entry 5                                 | removed: entry 5    |
        | removes entry 5 and closes the gap              | moved: entry 5      |
        | puts an entry in before entry 5                 | inserted: entry 5   |
        | lets entries 5 and 9 change places              | moved: entry 5      |

  @CC4.1 @CC4.2
  Rule: AUD-004 Heads are signed and published, so that not even the log's owner can write it anew or cut it off

    Background:
      Given "Pia" of "acme" holds a key as "pilot"
      And "Pia" has asked 3 times
      And a checkpoint was published
      And "Pia" has asked 3 times

    Scenario Outline: A log that its owner wrote anew
      Given somebody <does>
      When the audit log is checked
      Then it is found that "<found>"

      Examples:
        | does                                          | found                     |
        | writes everything anew from entry 3 on        | rewritten: entry 0 to 7   |
        | cuts off what follows entry 5                 | truncated: entry 6 to 7   |
        | publishes a checkpoint with another signature | forged: checkpoint 2      |

    Scenario: Entries after the last checkpoint
      When the audit log is checked
      Then everything is as it was written
      And the checkpoints speak for 8 of 14 entries

  @CC4.1
  Rule: AUD-005 That an entry is in the log, and that the log only grew, can be proved to somebody who does not have it

    Background:
      Given "Pia" of "acme" holds a key as "pilot"
      And "Pia" has asked 3 times

    Scenario: The proof of an entry holds for that entry and for no other
      When the proof of entry 4 is asked for
      Then it shows that entry 4 is in the log
      And it does not show that entry 3 is in the log

    Scenario: The proof of growth
      When the proof that 8 entries grew from 5 is asked for
      Then it shows that nothing was changed in between

    Scenario: Nothing proves what is not there
      When the proof of entry 40 is asked for
      Then it is refused as "not_found"

  @CC6.1
  Rule: AUD-006 No secret stands in the log; where one must be found again, its fingerprint does

    Scenario: A key
      Given "Pia" of "acme" holds a key as "pilot"
      When somebody asks with the key of "Pia" with another ending
      Then it is refused as "unauthenticated"
      And no key stands in the audit log
      And the fingerprint of what was shown stands in the last entry

  @PI1.2
  Rule: AUD-007 Entries are told in UTC, so that an hour that happens twice is told apart

    Scenario: The night of 1 November 2026 in Los Angeles
      Given it is 2026-11-01 08:00
      And "Pia" of "acme" holds a key as "pilot"
      And it is 2026-11-01 08:30
      When "Pia" lists every series
      And it is 2026-11-01 09:30
      And "Pia" lists every series
      Then the last entries of the audit log are:
        | at               | who | firm | what     | did  | outcome |
        | 2026-11-01 08:30 | Pia | acme | started  | read |         |
        | 2026-11-01 08:30 | Pia | acme | finished | read | ok      |
        | 2026-11-01 09:30 | Pia | acme | started  | read |         |
        | 2026-11-01 09:30 | Pia | acme | finished | read | ok      |

  @CC6.3
  Rule: AUD-008 Auditors read the log: those of a firm its own calls, those of the house all

    Background:
      Given "Pia" of "acme" holds a key as "pilot"
      And "Gil" of "globex" holds a key as "pilot"
      And "Otto" of "acme" holds a key as "auditor"
      And "Ada" of "house" holds a key as "auditor"
      And "Pia" has asked 1 times
      And "Gil" has asked 1 times

    Scenario: An auditor of a firm
      When "Otto" tries to read the audit log
      Then calls of "acme" are told and of nobody else

    Scenario: An auditor of the house
      When "Ada" tries to read the audit log
      Then calls of "acme, globex, house" are told and of nobody else

    Scenario: Anybody else
      When "Pia" tries to read the audit log
      Then it is refused as "not_entitled"
