#pragma once
// schema.sql, embedded at build time.
#include <string_view>

namespace ionian::store {
extern const std::string_view kSchemaSql;
}
