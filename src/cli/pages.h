#pragma once
// The commands' pages, embedded at build time from the .md file beside each command.
#include <string_view>

namespace ionian::cli {
extern const std::string_view kServePage, kAdminTokenPage, kAdminStatusPage;
extern const std::string_view kConfigShowPage, kProfilePage, kTokenSetPage, kTokenInfoPage;
}
