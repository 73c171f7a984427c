#include "wire/rows.h"

#include <doctest/doctest.h>

using namespace cordon::wire;

TEST_CASE("a message row has Postfix's names, and these literal octets") {
  MessageRow row;
  row.queue_name = "deferred";
  row.queue_id = {17};
  row.arrival_time = 1763784007;
  row.message_size = 321;
  row.sender = "a@example.org";
  row.recipients = {{"b@example.net", "450 4.2.0 greylisted"}, {"c@example.net", ""}};
  row.recipient_count = 2;
  row.origin_id = {3};
  row.origin = "192.0.2.7";
  row.kind = "mail";
  row.subject = "Hello";
  row.message_id = "<1@example.org>";
  row.listener = "submission";
  row.session = "s1";
  row.login = "ann";
  row.attempts = 1;
  const std::string text =
      R"({"type":"message","queue_name":"deferred","queue_id":"17","arrival_time":1763784007,)"
      R"("message_size":321,"sender":"a@example.org","recipients":[{"address":"b@example.net",)"
      R"("delay_reason":"450 4.2.0 greylisted"},{"address":"c@example.net"}],"recipient_count":2,)"
      R"("origin_id":"3","origin":"192.0.2.7","kind":"mail","subject":"Hello",)"
      R"("message_id":"<1@example.org>","listener":"submission","session":"s1","login":"ann",)"
      R"("attempts":1})";
  CHECK(encode(Row(row)) == text);
  const auto decoded = decode_row(text);
  REQUIRE(decoded);
  CHECK(*decoded == Row(row));
}

TEST_CASE("every kind of row comes back as it went") {
  const Row rows[] = {
      StatusRow{.version = "0.1.0", .hostname = "gw", .gateway_id = "ab", .uptime = 5, .held = 2},
      IdRow{{5}},
      RecipientRow{{5}, "a@b", "delivered", "250 ok", 1763784007},
      RecipientRow{{5}, "a@b", "pending", "", std::nullopt},
      HistoryRow{1, "root", "released"},
      ContentRow{{5}, 49152, std::string("\0\xff\r\n", 4)},
      AlertRow{.alert_id = {1}, .time = 2, .bait_id = {9}, .place = "rcpt_to", .hits = 3},
      CordonRow{.cordon_id = {1}, .kind = "enforced", .lifted_time = 3, .withdrawn = true},
      TranscriptRow{{1}, 2, "s", "client", "EHLO x"},
      BaitRow{.bait_id = {1}, .kind = "local", .value = "bait:1", .label = "l", .hits = 4},
      HitRow{{1}, "domain"},
      RevocationRow{.queue_id = {1}, .recipient = "a@b", .certain = false},
      WarningRow{.warning_id = {1}, .alert_id = {2}, .state = "queued", .queue_id = {3}},
      AuditRow{{1}, 2, -1, "cordond", "bypass", "5", "rule x"},
  };
  for (const Row& row : rows) {
    CAPTURE(encode(row));
    const auto decoded = decode_row(encode(row));
    REQUIRE(decoded);
    CHECK(*decoded == row);
  }
}

TEST_CASE("octets that are no UTF-8 do not break the line") {
  HistoryRow row{1, "\xff", "a\nb"};
  CHECK(encode(Row(row)) ==
        "{\"type\":\"history\",\"time\":1,\"who\":\"\xef\xbf\xbd\",\"text\":\"a\\nb\"}");
}

TEST_CASE("a row that lacks a field, or has one of a wrong type, is none") {
  CHECK(decode_row(R"({"type":"history","time":1,"who":"a","text":"b","later":true})"));
  CHECK_FALSE(decode_row(R"({"type":"history","time":1,"who":"a"})"));
  CHECK_FALSE(decode_row(R"({"type":"history","time":"1","who":"a","text":"b"})"));
  CHECK_FALSE(decode_row(R"({"type":"nothing"})"));
  CHECK_FALSE(decode_row(R"({"time":1})"));
  CHECK_FALSE(decode_row(R"({"type":"id","queue_id":17})"));
  CHECK_FALSE(decode_row(R"({"type":"content","queue_id":"1","offset":0,"base64":"?"})"));
  CHECK_FALSE(decode_row("[]"));
}

TEST_CASE("a row can be shown field by field") {
  const auto all = fields(Row(HistoryRow{5, "root", "x"}));
  REQUIRE(all.size() == 4);
  CHECK(all[1].name == "time");
  CHECK(all[1].text == "5");
  CHECK(all[3].text == "x");
}
