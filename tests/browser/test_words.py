"""The words for the moments that matter, as the design has them: the table in the code differs in no letter."""
import pathlib
import re

import pytest

TABLE = pathlib.Path(__file__).parents[2] / "src/gateway/pages/words.h"

DESIGN = {
    "kFirstOwner": "This server is yours. Make its owner account.",
    "kFirstOwnerWhy": "There is no account here yet and no default password. You hold the one-time link that was printed in the server’s "
                      "terminal; it works once and ends in {}.",
    "kFirstOwnerEnded": "It worked once or ran out after 60 minutes. On the server, `ionian admin owner-link` prints a new one.",
    "kLinkEnded": "This link has ended.",
    "kSignInFailed": "Email and password do not match an account here.",
    "kSignInLimited": "Too many tries. The next one is possible in {}. On the server itself `ionian admin` works without waiting.",
    "kSessionEnded": "You were signed out after 12 hours without use. Nothing you sent was done.",
    "kApprove": "Give {} a token for {}?",
    "kApproveWhy": "A command on that computer asks to act as you. Approve only what you started yourself.",
    "kCodeHint": "The command prints it under the link. It is never sent to you by anybody.",
    "kWrongCode": "That is not the code. {} tries are left.",
    "kOtherAddress": "not this browser’s address",
    "kOtherAddressWhy": "This request comes from {}, you are at {}. That is normal for a remote computer of yours, and for nobody else’s.",
    "kApproved": "Approved. Go back to your terminal.",
    "kApprovedWhy": "The command has its token already; this page can be closed.",
    "kRefused": "Refused.",
    "kRefusedWhy": "The command on {} was told no; nothing was made. If you did not start it, somebody tried your link: tell an owner.",
    "kFlowEnded": "This request has ended.",
    "kFlowEndedWhy": "Requests live 10 minutes, for one answer and 5 tries. Start again: `modal setup`.",
    "kTokenReady": "{} is ready.",
    "kCopyNow": "Copy the secret now. We keep only a hash of it. Should it get lost, rotate the token.",
    "kShownAlready": "The secret was shown once already.",
    "kShownAlreadyWhy": "{} works with it. Rotate the token if it was not kept.",
    "kNotAllowed": "You may not {} in {}.",
    "kNotAllowedWhy": "Nothing was changed. These people can do it, or give you the role: {}.",
    "kNotFound": "There is no {} here, or you may not see it.",
    "kNotFoundWhy": "You are signed in as {} in {} / {}.",
    "kLinkEndedWhy": "It works once and for 7 days. Ask {} for a new one.",
    "kFormTooOld": "This form was open too long.",
    "kFormTooOldWhy": "Nothing was done. What you typed is below: send it again.",
    "kServerError": "That failed on our side.",
    "kServerErrorWhy": "Request `{}` is in the server’s log. Nothing was changed.",
    "kAskRevoke": "Revoke {}?",
    "kAskRevokeWhy": "Calls with `{}` are refused from the next one on, and its open streams end within 5 seconds. This cannot be undone.",
    "kAskRemove": "Remove {} from {}?",
    "kNoTokens": "No tokens yet. `modal setup` makes one for this computer.",
    "kOnlyYou": "Only you so far. Invite somebody.",
    "kNoServiceUsers": "Programs that run without a person want one: CI, cron, a website.",
    "kNoProxyTokens": "Endpoints with `requires_proxy_auth` ask their callers for one.",
}


def table():
    found = re.findall(r"string_view (k\w+)\s*=((?:\s*\"(?:[^\"\\]|\\.)*\")+);", TABLE.read_text())
    return {name: "".join(re.findall(r"\"((?:[^\"\\]|\\.)*)\"", text)) for name, text in found}


@pytest.mark.parametrize("name", DESIGN)
def test_words(name):
    assert re.sub(r"</?code>", "`", table()[name]) == DESIGN[name]
