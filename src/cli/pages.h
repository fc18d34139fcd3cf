#pragma once
// The commands' pages, embedded at build time from the .md file beside each command.
#include <string_view>

namespace ionian::cli {
extern const std::string_view kServePage, kAdminTokenPage, kAdminStatusPage;
extern const std::string_view kAdminWorkspacePage, kAdminPeoplePage, kAdminAuditPage,
    kAdminBackupPage, kAdminVolumesPage, kAdminUndeletePage, kImagePage, kTracePage;
extern const std::string_view kConfigShowPage, kConfigSetEnvironmentPage, kProfilePage;
extern const std::string_view kSetupPage, kTokenNewPage, kTokenRotatePage;
extern const std::string_view kTokenSetPage, kTokenInfoPage;
extern const std::string_view kEnvironmentPage, kEnvironmentRolesPage;
extern const std::string_view kWorkspaceMembersPage, kWorkspaceSettingsPage, kMemberTokensPage;
extern const std::string_view kServiceUsersPage, kProxyTokensPage;
extern const std::string_view kDoctorPage, kCompletionPage, kVersionPage;
}  // namespace ionian::cli
