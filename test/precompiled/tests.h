// SPDX-License-Identifier: BSL-1.0
/// @file
/// What most tests include, parsed once for all of them. unit_test.hpp itself is left to the test,
/// for it needs the name of the module, and would make main() here and not there.

#include <boost/mp11/list.hpp>
#include <boost/test/framework.hpp>
#include <boost/test/test_tools.hpp>
#include <boost/test/tree/auto_registration.hpp>
#include <boost/test/tree/global_fixture.hpp>
#include <boost/test/tree/test_case_template.hpp>

#include <logdb/logdb.hpp>

// What BOOST_TEST_MODULE stands for in a header that is done with by now.
#define BOOST_TEST_MAIN
