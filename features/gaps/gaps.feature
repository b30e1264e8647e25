@GAP
Feature: Gaps with reasons
  Whoever asks for an interval is told something about it: a price, or why there is none. Silence is not an answer, and
  nothing is filled in that the market did not say. Reasons are: pending (not due yet), late (due and not here), missing
  (the market did not, or will not, say), not applicable (there can be none) and quarantined (here, but not to be
  trusted). A further reason, withheld, comes with embargoes and is not promised here. Instants in this file are UTC.

  @PI1.2 @PI1.4 @CC7.2
  Rule: GAP-001 A price that is not there is pending before it is due, late afterwards, and missing when the market's last hour for it has passed

    Scenario Outline: The coupled auction is due at 14:00 in Brussels on the day before, and given up a day later
      When I ask at <asked> for "Netherlands SDAC" from 2024-06-12 10:00 to 2024-06-12 11:00
      Then the answer is:
        | from             | to               | value | state   |
        | 2024-06-12 10:00 | 2024-06-12 11:00 |       | <state> |

      Examples:
        | asked            | state   |
        | 2024-06-11 11:59 | pending |
        | 2024-06-11 12:00 | late    |
        | 2024-06-12 11:59 | late    |
        | 2024-06-12 12:00 | missing |

    Scenario Outline: In winter the same hour in Brussels is an hour later
      When I ask at <asked> for "Netherlands SDAC" from 2024-01-12 10:00 to 2024-01-12 11:00
      Then the interval from 2024-01-12 10:00 has no price and is "<state>"

      Examples:
        | asked            | state   |
        | 2024-01-11 12:59 | pending |
        | 2024-01-11 13:00 | late    |

    Scenario Outline: Australian dispatch is due a minute after the interval begins
      When I ask at <asked> for "New South Wales dispatch" from 2025-01-10 04:00 to 2025-01-10 04:10
      Then the answer is:
        | from             | to               | value | state    |
        | 2025-01-10 04:00 | 2025-01-10 04:05 |       | <first>  |
        | 2025-01-10 04:05 | 2025-01-10 04:10 |       | <second> |

      Examples:
        | asked               | first   | second  |
        | 2025-01-10 04:00:59 | pending | pending |
        | 2025-01-10 04:01:00 | late    | pending |
        | 2025-01-10 04:06:00 | late    | late    |

    Scenario: A price that comes late ends the gap
      Given a document arrived at 2024-06-11 15:40 that says:
        | series           | from             | to               | value |
        | Netherlands SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 |
      When I ask for "Netherlands SDAC" from 2024-06-12 10:00 to 2024-06-12 12:00
      Then the answer is:
        | from             | to               | value | state |
        | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 | ok    |
        | 2024-06-12 11:00 | 2024-06-12 12:00 |       | late  |

  @PI1.2 @PI1.3
  Rule: GAP-002 Zero, negative and missing are three different prices

    Scenario: A price of nothing, a price below nothing and no price
      Given a document arrived at 2025-06-09 20:10 that says:
        | series         | from             | to               | value  |
        | NP15 day-ahead | 2025-06-10 18:00 | 2025-06-10 19:00 | 0      |
        | NP15 day-ahead | 2025-06-10 19:00 | 2025-06-10 20:00 | -12.75 |
        | NP15 day-ahead | 2025-06-10 20:00 | 2025-06-10 21:00 | empty  |
      When I ask for "NP15 day-ahead" from 2025-06-10 18:00 to 2025-06-10 21:00
      Then the answer is:
        | from             | to               | value  | state   |
        | 2025-06-10 18:00 | 2025-06-10 19:00 | 0      | ok      |
        | 2025-06-10 19:00 | 2025-06-10 20:00 | -12.75 | ok      |
        | 2025-06-10 20:00 | 2025-06-10 21:00 |        | missing |

    Scenario: A word in the place of a price is neither, and the document is refused
      Given the document "prices" says:
        | series         | from             | to               | value  |
        | NP15 day-ahead | 2025-06-10 18:00 | 2025-06-10 19:00 | 31.337 |
      And in the document "prices" "31.337" is printed as "n/a"
      When "prices" is handed over at 2025-06-09 20:10
      Then "prices" is refused as "feed_format_changed"

  @PI1.3
  Rule: GAP-003 The second auction is never taken for the first when the first is late

    Scenario: Only Germany's second auction, EXAA, has been published
      Given a document arrived at 2024-06-11 12:30 that says:
        | series       | from             | to               | value |
        | Germany EXAA | 2024-06-12 10:00 | 2024-06-12 10:15 | 59.40 |
      When I ask for "Germany SDAC" from 2024-06-12 10:00 to 2024-06-12 11:00
      Then the answer is:
        | from             | to               | value | state |
        | 2024-06-12 10:00 | 2024-06-12 11:00 |       | late  |
      When I ask for "Germany EXAA" from 2024-06-12 10:00 to 2024-06-12 10:15
      Then the answer is:
        | from             | to               | value | state |
        | 2024-06-12 10:00 | 2024-06-12 10:15 | 59.40 | ok    |

    Scenario: The first auction comes in the end, and the second keeps its price
      Given a document arrived at 2024-06-11 12:30 that says:
        | series       | from             | to               | value |
        | Germany EXAA | 2024-06-12 10:00 | 2024-06-12 10:15 | 59.40 |
      And a document arrived at 2024-06-11 13:10 that says:
        | series       | from             | to               | value |
        | Germany EXAA | 2024-06-12 10:00 | 2024-06-12 10:15 | 59.40 |
        | Germany SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 |
      When I ask for "Germany SDAC" from 2024-06-12 10:00 to 2024-06-12 11:00
      Then the answer is:
        | from             | to               | value | state |
        | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 | ok    |
      When I ask for "Germany EXAA" from 2024-06-12 10:00 to 2024-06-12 10:15
      Then the interval from 2024-06-12 10:00 is 59.40 and "ok"

  @PI1.2 @PI1.3
  Rule: GAP-004 Where there can be no price the answer says that it does not apply, and nothing is expected

    Scenario: A cancelled auction of allowances was held and has no price
      Given a document arrived at 2025-03-11 10:10 that says:
        | series      | from             | to               | value   | marks     |
        | EUA         | 2025-03-10 23:00 | 2025-03-11 23:00 | none    | cancelled |
        | EUA offered | 2025-03-10 23:00 | 2025-03-11 23:00 | 2500000 | cancelled |
      When I ask for "EUA" from 2025-03-10 23:00 to 2025-03-11 23:00
      Then the answer is:
        | from             | to               | value | state          | marks     |
        | 2025-03-10 23:00 | 2025-03-11 23:00 |       | not_applicable | cancelled |
      When I ask for "EUA offered" from 2025-03-10 23:00 to 2025-03-11 23:00
      Then the answer is:
        | value   | state | marks     |
        | 2500000 | ok    | cancelled |

    Scenario: A day without an auction has no gap, since no auction was to be held
      When I ask at 2025-03-20 12:00 for "EUA" from 2025-03-14 23:00 to 2025-03-16 23:00
      Then the answer has 0 intervals

    Scenario: A cancelled auction with a price contradicts itself and is refused
      Given the document "auctions" says:
        | series | from             | to               | value | marks     |
        | EUA    | 2025-03-10 23:00 | 2025-03-11 23:00 | 71.25 | cancelled |
      When "auctions" is handed over at 2025-03-11 10:10
      Then "auctions" is refused as "feed_format_changed"

  @PI1.3
  Rule: GAP-005 A gap in a curve is filled only where the operator's own rule says so, and the filled price says that it was

    In European curves a price that is not repeated stands until the next one; between two curves nothing stands.

    Scenario: A price that stands for two hours, and an hour that no curve covers
      Given a document arrived at 2024-06-11 12:30 that says:
        | series           | from             | to               | value | marks        |
        | Netherlands SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 |              |
        | Netherlands SDAC | 2024-06-12 11:00 | 2024-06-12 12:00 | 61.20 | block_filled |
        | Netherlands SDAC | 2024-06-12 13:00 | 2024-06-12 14:00 | 58.00 |              |
      When I ask for "Netherlands SDAC" from 2024-06-12 10:00 to 2024-06-12 14:00
      Then the answer is:
        | from             | to               | value | state | marks        |
        | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 | ok    |              |
        | 2024-06-12 11:00 | 2024-06-12 12:00 | 61.20 | ok    | block_filled |
        | 2024-06-12 12:00 | 2024-06-12 13:00 |       | late  |              |
        | 2024-06-12 13:00 | 2024-06-12 14:00 | 58    | ok    |              |

  @PI1.2 @CC7.2
  Rule: GAP-006 What cannot be trusted is shown as quarantined, and what a refused document would have said stays a gap

    Scenario: A translator that cannot tell which auction an hour belongs to quarantines the hour
      Given the demo exchange's translator cannot place slot 2
      And the demo exchange's document of 2025-06-04 arrived at 2025-06-03 12:00:
        | auction | slot | price |
        | first   | 1    | 41.00 |
        | first   | 2    | 43.00 |
      When I ask for "Demo north" from 2025-06-03 22:00 to 2025-06-04 00:00
      Then the answer is:
        | from             | to               | state       |
        | 2025-06-03 22:00 | 2025-06-03 23:00 | ok          |
        | 2025-06-03 23:00 | 2025-06-04 00:00 | quarantined |
      And the average of the answer from 2025-06-03 22:00 to 2025-06-04 00:00 is 41.00 over 1 of 2 hours

    Scenario: A refused document fills no hour, neither with its own numbers nor with those of the day before
      Given a document arrived at 2025-06-08 20:10 that says:
        | series         | from             | to               | value |
        | NP15 day-ahead | 2025-06-09 07:00 | 2025-06-09 08:00 | 30    |
      And the document "prices" says:
        | series         | from             | to               | value  |
        | NP15 day-ahead | 2025-06-10 07:00 | 2025-06-10 08:00 | 31.337 |
      And in the document "prices" "31.337" is printed as "n/a"
      When "prices" is handed over at 2025-06-09 20:10
      Then "prices" is refused as "feed_format_changed"
      When I ask at 2025-06-09 21:00 for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer is:
        | from             | to               | value | state |
        | 2025-06-10 07:00 | 2025-06-10 08:00 |       | late  |

  @PI1.1 @CC6.1
  Rule: GAP-007 A series that does not exist, or that the asker may not see, is refused and never answered with an empty table

    Scenario: A hub that nobody has heard of
      When I ask for "caiso/day_ahead/price/hub/TH_ATLANTIS" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "not_found"

    Scenario: A word that the vocabulary does not have
      When I ask for "caiso/day_ahead/prise/hub/TH_NP15_GEN-APND" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "invalid_request"
      And the refusal names "prise"

    Scenario Outline: A customer who may see California's hubs asks for other prices, whether or not they exist
      Given a customer who may see the hubs of California and nothing else
      When I ask for "<series>" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then it is refused as "not_entitled"

      Examples:
        | series                                         |
        | caiso/day_ahead/price/zone/DLAP_PGAE-APND      |
        | caiso/day_ahead/price/node/MADEUP_7_N001       |
        | caiso/day_ahead/price/node/NO_SUCH_NODE        |
        | miso/day_ahead-ex_post/price/hub/ILLINOIS.HUB  |

    Scenario: The same customer asks for a hub
      Given a customer who may see the hubs of California and nothing else
      When I ask at 2025-06-11 00:00 for "NP15 day-ahead" from 2025-06-10 07:00 to 2025-06-10 08:00
      Then the answer is:
        | from             | to               | state |
        | 2025-06-10 07:00 | 2025-06-10 08:00 | late  |

  @PI1.4 @CC7.2
  Rule: GAP-008 Coverage names each stretch that is not there, with its reason

    Scenario: Two hours empty and one hour that never came
      Given the document "prices", made at 2024-06-11 11:00, says:
        | series           | from             | to               | value |
        | Netherlands SDAC | 2024-06-12 10:00 | 2024-06-12 11:00 | 61.20 |
        | Netherlands SDAC | 2024-06-12 11:00 | 2024-06-12 12:00 | empty |
        | Netherlands SDAC | 2024-06-12 12:00 | 2024-06-12 13:00 | empty |
        | Netherlands SDAC | 2024-06-12 14:00 | 2024-06-12 15:00 | 58.00 |
      And "prices" arrived at 2024-06-11 11:02
      When I ask at 2024-06-11 13:00 for the coverage of "Netherlands SDAC" from 2024-06-12 10:00 to 2024-06-12 15:00
      Then 2 of 5 intervals are there
      And the stretches that are not there are:
        | from             | to               | reason  |
        | 2024-06-12 11:00 | 2024-06-12 13:00 | missing |
        | 2024-06-12 13:00 | 2024-06-12 14:00 | late    |

    Scenario: The freshness check names a feed whose next price should be here
      Given a document arrived at 2024-06-11 11:02 that says:
        | series           | from             | to               | value |
        | Netherlands SDAC | 2024-06-12 21:00 | 2024-06-12 22:00 | 61.20 |
      When the quality of "entsoe" is checked at 2024-06-12 12:30
      Then "freshness" is found for "Netherlands SDAC"
      When the quality of "entsoe" is checked at 2024-06-12 11:59
      Then "freshness" is not found for "Netherlands SDAC"
