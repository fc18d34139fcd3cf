#pragma once
// schema.sql and migrations/, embedded at build time.
#include <string_view>

namespace ionian::store {
extern const std::string_view kSchemaSql;
extern const std::string_view kMigration2Sql;
}  // namespace ionian::store
