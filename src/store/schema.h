#pragma once
// schema.sql and migrations/, embedded at build time.
#include <string_view>

namespace ionian::store {
extern const std::string_view kSchemaSql;
extern const std::string_view kMigration2Sql;
extern const std::string_view kMigration3Sql;
extern const std::string_view kMigration4Sql;
extern const std::string_view kMigration5Sql;
extern const std::string_view kMigration6Sql;
extern const std::string_view kMigration7Sql;
extern const std::string_view kMigration8Sql;
extern const std::string_view kMigration9Sql;
extern const std::string_view kMigration10Sql;
extern const std::string_view kMigration11Sql;
extern const std::string_view kMigration12Sql;
extern const std::string_view kMigration13Sql;
extern const std::string_view kMigration14Sql;
extern const std::string_view kMigration15Sql;
extern const std::string_view kMigration16Sql;
}  // namespace ionian::store
