@PLUG
Feature: Plugins that fail
  A market is read by a plugin, and plugins are also written by others. A plugin that fails concerns itself alone: the
  other markets go on, and what it could not read is kept. Instants in this file are UTC.

  @CC6.8 @CC9.1 @CC9.2
  Rule: PLUG-001 A plugin that cannot be used is set aside with its reason, and the other markets go on

    Scenario Outline: Plugins that are set aside
      Given a third party's plugin "acme", which <fault>
      When the plugins are listed
      Then "acme" is set aside because of "<reason>"
      And the markets "caiso, entsoe, eu_ets, miso, nem" are ready
      When I ask for the market "acme"
      Then it is refused as "plugin_broken"
      And prices of "NP15 day-ahead" are taken in

      Examples:
        | fault                                       | reason                     |
        | fails when it is loaded                     | no such luck               |
        | ends the program when it is loaded          | Exit                       |
        | has no card                                 | No such file               |
        | has a card with a word that nobody knows    | colour                     |
        | has a card in the name of another market    | leads to the card of       |
        | answers with something that is no market    | no Market                  |

    Scenario: A plugin that takes the name under which currency rates are kept
      Given a third party's plugin "fx", which works
      When the plugins are listed
      Then "fx" is set aside because of "reserved"
      And the markets "caiso, entsoe, eu_ets, miso, nem" are ready

    Scenario: A plugin that works is ready beside the others
      Given a third party's plugin "acme", which works
      When the plugins are listed
      Then the markets "acme, caiso, entsoe, eu_ets, miso, nem" are ready

    Scenario: A market that nobody installed is not found
      When I ask for the market "atlantis"
      Then it is refused as "not_found"

  @PI1.2 @CC7.3 @CC9.1
  Rule: PLUG-002 What a plugin fails to read is quarantined and kept, and the documents of other markets are taken in

    Scenario Outline: A plugin that fails on a document
      Given a third party's plugin "acme", which <fault>
      And the document "ours" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.00 |
      And the document "theirs" is a day of the exchange "acme"
      When "theirs" is handed over at 2025-06-09 20:00
      And "ours" is handed over at 2025-06-09 20:01
      Then "theirs" is refused as "<code>"
      And "theirs" is held in the archive
      And "ours" is recorded

      Examples:
        | fault                               | code                |
        | fails when it reads                 | plugin_broken       |
        | ends the program when it reads      | plugin_broken       |
        | reads a word that is none of ours   | feed_format_changed |

    Scenario: A plugin that fails to look at documents does not keep others from looking
      Given a third party's plugin "acme", which fails when it looks at a document
      And the document "ours" says:
        | series             | from             | to               | value |
        | Illinois day-ahead | 2025-06-10 05:00 | 2025-06-10 06:00 | 30.00 |
      When "ours" is handed over at 2025-06-09 20:01
      Then "ours" is recorded

    Scenario: Once the plugin is mended, the document is accepted
      Given a third party's plugin "acme", which fails when it reads
      And the document "theirs" is a day of the exchange "acme"
      And "theirs" was handed over at 2025-06-03 12:00
      When the third party's plugin "acme" is replaced by one which works
      And someone accepts "theirs" at 2025-06-05 09:00
      And I ask for "acme/day_ahead-first/price/hub/NORTH" from 2025-06-03 22:00 to 2025-06-03 23:00
      Then the answer is:
        | value | state |
        | 41    | ok    |

  @CC9.2 @CC6.8 @C1.1
  Rule: PLUG-003 A plugin's owner, licence and permissions are shown before any of its code has run

    Scenario: What is known of a plugin that has not been loaded
      Given a third party's plugin "acme", which works
      Then "acme" shows:
        | fact           | value                           |
        | owners         | 254Carbon                       |
        | licence        | Made-up numbers, free for any use. |
        | redistribution | open                            |
        | hosts          | data.demo.example               |
        | credentials    |                                 |
      And no code of "acme" has run

    Scenario Outline: What the five markets' owners allow us to pass on
      Then "<market>" may be passed on as "<redistribution>"

      Examples:
        | market | redistribution |
        | miso   | internal       |
        | caiso  | attribution    |
        | entsoe | attribution    |
        | eu_ets | internal       |
        | nem    | attribution    |

    Scenario: A card that says nothing about its licence is refused
      Given a third party's plugin "acme", which has a card without a licence
      When the plugins are listed
      Then "acme" is set aside because of "licence"

  @CC6.8 @CC6.7 @API10
  Rule: PLUG-004 A plugin reaches the operators that its card names, with the credentials that its card names, and nothing else

    Scenario: A host that the card names
      Given a third party's plugin "acme", which works
      When "acme" is asked to fetch its day 2025-06-04 at 2025-06-03 12:00
      Then the fetch is told as "recorded"

    Scenario: A host that the card does not name
      Given a third party's plugin "acme", which asks another host
      When "acme" is asked to fetch its day 2025-06-04 at 2025-06-03 12:00
      Then the fetch is refused as "invalid_request"
      And nobody was asked

    Scenario: Another market's credential
      Given a third party's plugin "acme", which asks for the credential of another market
      When "acme" is asked to fetch its day 2025-06-04 at 2025-06-03 12:00
      Then the fetch is refused as "settings_invalid"
      And nobody was asked

    Scenario: The answer to a log-in is never kept
      Given a third party's plugin "acme", which logs in first
      When "acme" is asked to fetch its day 2025-06-04 at 2025-06-03 12:00
      Then the fetch is told as "recorded"
      And the archive holds one document
