// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE first_day
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "unit/query/asked.hpp"

// The queries that people ask on the first day, each with events and the answer by hand: the
// numbers of the events that it finds.

namespace {

using logdb::test::found;

BOOST_AUTO_TEST_SUITE(first_day)

BOOST_AUTO_TEST_CASE(a_level_is_found_whole_in_arrays_and_in_each_copy_of_a_name) {
  BOOST_TEST(found("level:ERROR",
                   {R"({"level":"ERROR"})", R"({"level":"error"})", R"({"level":["WARN"]})",
                    R"({"level":["WARN","ERROR"]})", R"({"level":"INFO","level":"ERROR"})",
                    R"({"level":"ERROR","level":"INFO"})", R"({"le\u0076el":"\u0045RROR"})",
                    R"({"level":"ERRORS"})", R"({"msg":"ERROR"})", R"({"level" : "ERROR" })"}) ==
             "1 4 5 6 7 10");
}

BOOST_AUTO_TEST_CASE(terms_side_by_side_are_joined_by_and) {
  const std::vector<std::string_view> events{R"({"level":"ERROR","service":"api"})",
                                             R"({"level":"ERROR","service":"auth"})",
                                             R"({"level":"INFO","service":"api"})"};
  BOOST_TEST(found("level:ERROR service:api", events) == "1");
  BOOST_TEST(found("level:ERROR AND service:api", events) == "1");
  BOOST_TEST(found("level:ERROR or service:api", events) == "1 2 3");
}

BOOST_AUTO_TEST_CASE(a_group_shares_its_path_and_a_minus_excludes) {
  BOOST_TEST(found("level:(ERROR OR WARN) -service:mailer",
                   {R"({"level":"ERROR","service":"api"})", R"({"level":"WARN"})",
                    R"({"level":"WARN","service":"mailer"})", R"({"level":"INFO"})"}) == "1 2");
}

BOOST_AUTO_TEST_CASE(a_number_is_found_by_its_value_and_as_a_string_by_its_text) {
  BOOST_TEST(found("user:143210", {R"({"user":143210})", R"({"user":143210.0})",
                                   R"({"user":"143210"})", R"({"user":1.4321e5})",
                                   R"({"user":"143210.0"})", R"({"user":1432100})"}) == "1 2 3 4");
}

BOOST_AUTO_TEST_CASE(what_only_begins_as_a_number_is_a_word) {
  BOOST_TEST(found("trace:04068d29a33a4564",
                   {R"({"trace":"04068d29a33a4564"})", R"({"trace":4068})"}) == "1");
  BOOST_TEST(found("trace:1e5", {R"({"trace":"1e5"})", R"({"trace":100000})",
                                 R"({"trace":"100000"})"}) == "1 2");
}

BOOST_AUTO_TEST_CASE(a_number_is_compared_nested_and_flat_and_never_with_a_string) {
  BOOST_TEST(found("http.status>=500",
                   {R"({"http":{"status":503}})", R"({"http.status":503})",
                    R"({"http":{"status":"503"}})", R"({"http":{"status":499}})",
                    R"({"http":[{"status":200},{"status":500}]})", R"({"status":503})"}) ==
             "1 2 5");
}

BOOST_AUTO_TEST_CASE(a_range_has_its_ends_or_has_them_not) {
  const std::vector<std::string_view> events{
      R"({"http":{"status":499}})", R"({"http":{"status":500}})", R"({"http":{"status":599}})",
      R"({"http":{"status":600}})"};
  BOOST_TEST(found("http.status:[500 TO 599]", events) == "2 3");
  BOOST_TEST(found("http.status:{500 TO 599]", events) == "3");
  BOOST_TEST(found("http.status:[500 TO 599}", events) == "2");
  BOOST_TEST(found("http.status:[* TO 500]", events) == "1 2");
  BOOST_TEST(found("http.status:{500 to *]", events) == "3 4");
}

BOOST_AUTO_TEST_CASE(each_term_holds_for_any_element_of_an_array) {
  BOOST_TEST(found("ms>250 AND ms<=1000", {R"({"ms":[100,2000]})", R"({"ms":[100,200]})",
                                           R"({"ms":300})", R"({"ms":2000})"}) == "1 3");
  BOOST_TEST(found("ms:{250 TO 1000]", {R"({"ms":[100,2000]})", R"({"ms":300})"}) == "2");
}

BOOST_AUTO_TEST_CASE(a_phrase_is_found_in_any_string_at_the_bounds_of_words) {
  BOOST_TEST(
      found("\"connection reset by peer\"",
            {R"({"msg":"connection reset by peer"})",
             R"({"a":{"b":["x","read: connection reset by peer, again"]}})",
             R"({"msg":"connection\u0020reset by peer"})",
             R"({"msg":"disconnection reset by peer"})", R"({"msg":"connection reset by peers"})",
             R"({"connection reset by peer":1})"}) == "1 2 3");
}

BOOST_AUTO_TEST_CASE(a_phrase_and_a_prefix_and_a_star_that_is_one) {
  const std::vector<std::string_view> events{
      R"({"msg":"write: no space left on device","host":"web-01"})",
      R"({"msg":"no space left","host":"web-1"})", R"({"msg":"no space","host":"web-02"})",
      R"({"msg":"no space left","host":"web-0*"})"};
  BOOST_TEST(found("msg:\"no space left\" host:web-0*", events) == "1 4");
  BOOST_TEST(found("host:web-0\\*", events) == "4");
}

BOOST_AUTO_TEST_CASE(a_word_is_the_whole_value_and_a_phrase_a_part_of_it) {
  const std::vector<std::string_view> events{R"({"msg":"timeout"})", R"({"msg":"a timeout!"})",
                                             R"({"msg":"timeouts"})"};
  BOOST_TEST(found("msg:timeout", events) == "1");
  BOOST_TEST(found("msg:\"timeout\"", events) == "1 2");
}

BOOST_AUTO_TEST_CASE(case_matters_unless_it_is_asked_not_to) {
  const std::vector<std::string_view> events{R"({"level":"ERROR"})", R"({"level":"error"})",
                                             R"({"msg":"An Error!"})", R"({"level":"Errors"})"};
  BOOST_TEST(found("i(Error)", events) == "1 2 3");
  BOOST_TEST(found("level:i(error)", events) == "1 2");
  BOOST_TEST(found("level:i(ERR*)", events) == "1 2 4");
}

BOOST_AUTO_TEST_CASE(the_last_minutes_go_by_the_time_of_the_event) {
  BOOST_TEST(found("_time:15m level:ERROR",
                   {R"({"ts":"2026-03-01T11:50:00Z","level":"ERROR"})",
                    R"({"ts":"2026-03-01T11:40:00Z","level":"ERROR"})",
                    R"({"ts":"2026-03-01T12:50:00+01:00","level":"ERROR"})",
                    R"({"ts":"2026-02-29T11:50:00Z","level":"ERROR"})",
                    R"({"ts":"2026-03-01T11:50:00Z","level":"INFO"})",
                    R"({"time":1772365800,"level":"ERROR"})",
                    R"({"ts":"soon","timestamp":"2026-03-01T11:40:00Z","level":"ERROR"})"}) ==
             "1 3 4 6");
  BOOST_TEST(found("_time:2026-03-01", {R"({"ts":"2026-02-28T23:59:60Z"})",
                                        R"({"ts":"2026-02-28T23:59:59Z"})"}) == "1");
}

BOOST_AUTO_TEST_CASE(a_window_of_time_is_half_open_where_it_is_written_so) {
  BOOST_TEST(found("_time:[2026-03-01T10:00 TO 2026-03-01T10:05}",
                   {R"({"ts":"2026-03-01T10:00:00Z"})", R"({"ts":"2026-03-01T10:04:59.999Z"})",
                    R"({"ts":"2026-03-01T10:05:00Z"})", R"({"ts":"2026-03-01T09:59:59Z"})",
                    R"({"ts":1772359200000})"}) == "1 2 5");
}

BOOST_AUTO_TEST_CASE(presence_and_absence_of_a_field) {
  const std::vector<std::string_view> events{R"({"request":{"id":7}})",
                                             R"({"request":{"id":null}})",
                                             R"({"request":{"id":{}}})",
                                             R"({"request":{"id":[]}})",
                                             R"({"request":{}})",
                                             R"({"request.id":""})",
                                             R"({"request":{"id":{"x":null}}})",
                                             R"({"request":{"id":[null,{"y":[]}]}})"};
  BOOST_TEST(found("request.id:*", events) == "1 3 6 7 8");
  BOOST_TEST(found("NOT request.id:*", events) == "2 4 5");
}

BOOST_AUTO_TEST_CASE(null_is_the_literal_only) {
  BOOST_TEST(found("error:null", {R"({"error":null})", R"({"error":"null"})", R"({"x":null})",
                                  R"({"error":[1,null]})", R"({})"}) == "1 4");
}

BOOST_AUTO_TEST_CASE(strings_have_escapes_in_double_quotes_and_none_in_single_ones) {
  const std::vector<std::string_view> events{R"({"path":"C:\\temp"})", R"({"path":"C:\temp"})"};
  BOOST_TEST(found(R"(path:"C:\\temp")", events) == "1");
  BOOST_TEST(found(R"(path:'C:\temp')", events) == "1");
  BOOST_TEST(found(R"(path:"C:\temp")", events) == "2");
}

BOOST_AUTO_TEST_CASE(an_address_is_a_word_and_dots_are_in_names_or_between_them) {
  const std::vector<std::string_view> events{R"({"id.orig_h":"10.47.1.152"})",
                                             R"({"id":{"orig_h":"10.47.1.152"}})",
                                             R"({"id.orig_h":"10.47.1.15"})"};
  BOOST_TEST(found("\"id.orig_h\":10.47.1.152", events) == "1");
  BOOST_TEST(found("id.orig_h:10.47.1.152", events) == "1 2");
}

BOOST_AUTO_TEST_CASE(a_path_leads_through_arrays) {
  BOOST_TEST(found("Records.userIdentity.type:Root",
                   {R"({"Records":[{"userIdentity":{"type":"User"}},
                                   {"userIdentity":{"type":"Root"}}]})",
                    R"({"Records":[[{"userIdentity":[{"type":"Root"}]}]]})",
                    R"({"Records":[{"type":"Root"}]})"}) == "1 2");
}

BOOST_AUTO_TEST_CASE(one_of_several_values) {
  BOOST_TEST(found("service:in(api, auth, \"a b\")",
                   {R"({"service":"api"})", R"({"service":"auth"})", R"({"service":"a b"})",
                    R"({"service":"an a b"})", R"({"service":"mailer"})"}) == "1 2 3");
}

BOOST_AUTO_TEST_CASE(a_regular_expression_is_found_anywhere_in_a_string) {
  const std::vector<std::string_view> events{R"({"msg":"now retry 3 of 5"})",
                                             R"({"msg":"retry x of 5"})",
                                             R"({"msg":"retry\u002012 of 5"})", R"({"msg":3})"};
  BOOST_TEST(found("msg=~\"retry [0-9]+ of 5\"", events) == "1 3");
  BOOST_TEST(found("msg!~\"retry [0-9]+ of 5\"", events) == "2 4");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
