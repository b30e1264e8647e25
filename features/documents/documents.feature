@DOC
Feature: Bad documents
  Twenty-six operators send what they send: documents cut short, web pages in place of prices, columns nobody announced.
  A document that cannot be trusted is refused with a code, kept for a person to look at, and takes nothing with it.
  Instants in this file are UTC.

  @PI1.2 @CC7.2 @CC7.3 @API10
  Rule: DOC-001 A document that cannot be read whole is refused with a code, kept, listed, and nothing is lost

    Background:
      Given a document arrived at 2025-06-08 20:10 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-09 07:00 | 2025-06-09 08:00 | 30.00 |

    Scenario Outline: Documents that are refused
      Given the document "bad" is <what>
      When "bad" is handed over at 2025-06-09 20:10
      Then "bad" is refused as "<code>"
      And "bad" is kept as it was served
      And "bad" is listed in quarantine as "<code>"
      And the price of "NP15 day-ahead" from 2025-06-09 07:00 is still 30.00
      And nothing of "bad" is recorded

      Examples: Documents that are not whole
        | what                                                      | code                |
        | California's prices in a zip cut in half                  | document_damaged    |
        | a web page under the name of California's prices          | document_damaged    |
        | MISO's report cut in the middle of a line                 | document_damaged    |
        | MISO's report without any price                           | document_damaged    |
        | an Australian report without its last line                | document_damaged    |
        | a European price document cut in half                     | document_damaged    |
        | a workbook of auctions whose sheet is cut                 | document_damaged    |

      Examples: Documents made to harm
        | what                                                      | code                |
        | a European price document with entities that grow         | document_damaged    |
        | California's prices in a zip that unpacks beyond its limit | too_large          |

      Examples: Documents in a format that we do not know
        | what                                                      | code                |
        | MISO's report with a renamed column                       | feed_format_changed |
        | California's prices with an unknown part of the price     | feed_format_changed |
        | an Australian report with an unknown bit in its price flag | feed_format_changed |
        | European generation by a fuel that has no name            | feed_format_changed |
        | an auction with a status that has no name                 | feed_format_changed |
        | a European price document with two prices for one hour    | feed_format_changed |

    Scenario Outline: Answers of an operator that are refused
      When MISO answers our request for the prices of 2025-06-10 at 2025-06-09 19:20 with <what>
      Then the answer is refused as "document_damaged"
      And the answer is kept as it was served
      And the price of "NP15 day-ahead" from 2025-06-09 07:00 is still 30.00

      Examples:
        | what             |
        | nothing at all   |
        | a web page       |

    Scenario: The same document, whole, is recorded
      Given the document "good" says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 33.25 |
      When "good" is handed over at 2025-06-09 20:10
      Then "good" is recorded
      And the price of "NP15 day-ahead" from 2025-06-10 07:00 is still 33.25
      And the quarantine is empty

  @PI1.2 @CC8.1
  Rule: DOC-002 A refused document is taken in later, once it is understood and someone accepts it

    Background:
      Given the demo exchange's document of 2025-06-04 arrived at 2025-06-03 12:00:
        | auction | slot | price |
        | first   | 1    | 41.00 |
        | third   | 1    | 39.50 |

    Scenario: A third auction that the translator has learnt of
      Then the demo exchange's document of 2025-06-03 12:00 is refused as "feed_format_changed"
      When the demo exchange's translator learns of a third auction
      And someone accepts the document of 2025-06-03 12:00 at 2025-06-05 09:00
      Then the quarantine is empty
      When I ask for "Demo north" from 2025-06-03 22:00 to 2025-06-03 23:00
      Then the answer is:
        | value | state | recorded         |
        | 41    | ok    | 2025-06-05 09:00 |

    Scenario: Accepting a document that is still not understood does not help it
      When someone accepts the document of 2025-06-03 12:00 at 2025-06-05 09:00
      Then the document of 2025-06-03 12:00 is listed in quarantine as "feed_format_changed"
      When I ask for "Demo north" from 2025-06-03 22:00 to 2025-06-03 23:00
      Then the answer is:
        | value | state |
        |       | late  |

    Scenario: A document that was never refused cannot be accepted
      When someone accepts a document that nobody refused
      Then it is refused as "not_found"

  @PI1.2 @CC9.1
  Rule: DOC-003 One bad document does not keep the others of its delivery from being taken in

    Scenario: A bad document between two good ones
      Given the document "Monday" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-09 05:00 | 2025-06-09 06:00 | 20.00 |
      And the document "Tuesday" is MISO's report with a renamed column
      And the document "Wednesday" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-11 05:00 | 2025-06-11 06:00 | 22.00 |
      When "Monday", "Tuesday" and "Wednesday" are handed over together at 2025-06-12 09:00
      Then "Monday" is recorded
      And "Tuesday" is refused as "feed_format_changed"
      And "Wednesday" is recorded

    Scenario: What no market recognises is named, and neither kept nor quarantined
      Given the document "holiday snaps" is a text about something else
      When "holiday snaps" is handed over at 2025-06-12 09:00
      Then "holiday snaps" is told as not recognised
      And the quarantine is empty

  @PI1.2 @PI1.4 @CC7.3
  Rule: DOC-004 An operator that says to wait has sent no bad document, and nobody is called

    Scenario Outline: What an operator may say in place of prices
      When <operator> answers our request for the prices of <day> at <at> with <what>
      Then the answer is told as "<code>"
      And the quarantine is empty

      Examples:
        | operator   | day        | at               | what                                  | code              |
        | California | 2025-06-10 | 2025-06-09 19:00 | its message that there is no data     | not_published_yet |
        | California | 2025-06-10 | 2025-06-09 19:00 | its page that we ask too often        | feed_unavailable  |
        | MISO       | 2025-06-10 | 2025-06-09 18:00 | nothing under that name yet           | not_published_yet |
        | MISO       | 2025-06-10 | 2025-06-09 18:00 | an error of its server                | feed_unavailable  |

  @PI1.2 @PI1.3
  Rule: DOC-005 Every row of a document is read or counted with the reason why it is not

    Scenario: An Australian report with a table that is not ours
      Given the document "report" is an Australian report with two prices and one row about its solver
      When "report" is handed over at 2025-06-10 09:00
      Then "report" is recorded
      And of the 3 rows of "report" 2 are read and 1 is not

    Scenario: A column that is added is told of, and the prices are read
      Given the document "report" is MISO's report with an added column
      When "report" is handed over at 2025-06-10 09:00
      Then "report" is recorded
      And the finding "added_column" is told of "report"

    Scenario: A line that stands twice counts once and is told of
      Given the document "report" is MISO's report with a line that stands twice
      When "report" is handed over at 2025-06-10 09:00
      Then "report" is recorded
      And the finding "duplicates" is told of "report"

    Scenario: Two lines that contradict each other are refused
      Given the document "report" is MISO's report with two prices for one hour
      When "report" is handed over at 2025-06-10 09:00
      Then "report" is refused as "feed_format_changed"
