#pragma once
// The words for the moments that matter, in one table: pages take them from here and nowhere else.
// Places are filled by html(), which escapes what it fills in.
#include <string_view>

namespace ionian::gateway::pages::words {

// Signing in.
inline constexpr std::string_view kFirstOwner = "This server is yours. Make its owner account.";
inline constexpr std::string_view kFirstOwnerWhy =
    "There is no account here yet and no default password. You hold the one-time link that was "
    "printed in the "
    "server’s terminal; it works once and ends in {}.";
inline constexpr std::string_view kFirstOwnerEnded =
    "It worked once or ran out after 60 minutes. On the server, <code>ionian admin "
    "owner-link</code> prints a new one.";
inline constexpr std::string_view kSignInFailed =
    "Email and password do not match an account here.";
inline constexpr std::string_view kSignInLimited =
    "Too many tries. The next one is possible in {}. On the server itself <code>ionian "
    "admin</code> works without "
    "waiting.";
inline constexpr std::string_view kSessionEnded =
    "You were signed out after 12 hours without use. Nothing you sent was done.";
inline constexpr std::string_view kNoOwnerYet =
    "There is no account here yet. The server’s terminal shows the link that makes the first one; "
    "on the server, "
    "<code>ionian admin owner-link</code> prints a new one.";

// Approving a token.
inline constexpr std::string_view kApprove = "Give {} a token for {}?";
inline constexpr std::string_view kApproveWhy =
    "A command on that computer asks to act as you. Approve only what you started yourself.";
inline constexpr std::string_view kCodeHint =
    "The command prints it under the link. It is never sent to you by anybody.";
inline constexpr std::string_view kWrongCode = "That is not the code. {} tries are left.";
inline constexpr std::string_view kWrongCodeLast = "That is not the code. 1 try is left.";
inline constexpr std::string_view kOtherAddress = "not this browser’s address";
inline constexpr std::string_view kOtherAddressWhy =
    "This request comes from {}, you are at {}. That is normal for a remote computer of yours, and "
    "for nobody else’s.";
inline constexpr std::string_view kApproved = "Approved. Go back to your terminal.";
inline constexpr std::string_view kApprovedWhy =
    "The command has its token already; this page can be closed.";
inline constexpr std::string_view kRefused = "Refused.";
inline constexpr std::string_view kRefusedWhy =
    "The command on {} was told no; nothing was made. If you did not start it, somebody tried your "
    "link: tell an owner.";
inline constexpr std::string_view kFlowEnded = "This request has ended.";
inline constexpr std::string_view kFlowEndedWhy =
    "Requests live 10 minutes, for one answer and 5 tries. Start again: <code>modal setup</code>.";
inline constexpr std::string_view kSameComputer =
    "This browser runs on the computer that asks: no code is needed.";

// Tokens.
inline constexpr std::string_view kTokenReady = "{} is ready.";
inline constexpr std::string_view kCopyNow =
    "Copy the secret now. We keep only a hash of it. Should it get lost, rotate the token.";
inline constexpr std::string_view kCopyNowProxy =
    "Copy the secret now. We keep only a hash of it. Should it get lost, delete the token and make "
    "another.";
inline constexpr std::string_view kShownAlready = "The secret was shown once already.";
inline constexpr std::string_view kShownAlreadyWhy =
    "{} works with it. Rotate the token if it was not kept.";
inline constexpr std::string_view kRevoked =
    "Revoked <b>{}</b>. Its open streams end within 5 seconds.";
inline constexpr std::string_view kAskRevoke = "Revoke {}?";
inline constexpr std::string_view kAskRevokeWhy =
    "Calls with <code>{}</code> are refused from the next one on, and its open streams end within "
    "5 seconds. This "
    "cannot be undone.";
inline constexpr std::string_view kNoTokens =
    "No tokens yet. <code>modal setup</code> makes one for this computer.";

// People.
inline constexpr std::string_view kOnlyYou = "Only you so far. Invite somebody.";
inline constexpr std::string_view kPassLink = "Pass this link to {}. It works once, until {}.";
inline constexpr std::string_view kAskRemove = "Remove {} from {}?";
inline constexpr std::string_view kLinkEnded = "This link has ended.";
inline constexpr std::string_view kLinkEndedWhy =
    "It works once and for 7 days. Ask {} for a new one.";
inline constexpr std::string_view kNoServiceUsers =
    "Programs that run without a person want one: CI, cron, a website.";
inline constexpr std::string_view kNoProxyTokens =
    "Endpoints with <code>requires_proxy_auth</code> ask their callers for one.";
inline constexpr std::string_view kNoEntries =
    "Nothing matches. <a href=\"{}\">Clear the filter</a>.";

// Refusals.
inline constexpr std::string_view kNotAllowed = "You may not {} in {}.";
inline constexpr std::string_view kNotAllowedWhy =
    "Nothing was changed. These people can do it, or give you the role: {}.";
inline constexpr std::string_view kNotFound = "There is no {} here, or you may not see it.";
inline constexpr std::string_view kNotFoundWhy = "You are signed in as {} in {} / {}.";
inline constexpr std::string_view kFormTooOld = "This form was open too long.";
inline constexpr std::string_view kFormTooOldWhy =
    "Nothing was done. What you typed is below: send it again.";
inline constexpr std::string_view kServerError = "That failed on our side.";
inline constexpr std::string_view kServerErrorWhy =
    "Request <code>{}</code> is in the server’s log. Nothing was changed.";

}  // namespace ionian::gateway::pages::words
