#pragma once
// What stands around a page: head, bar, side list; and the pages of refusals.
#include "gateway/pages/visit.h"

namespace ionian::gateway::pages {

// A page of somebody signed in. Shows what the last action has left to say, once.
Html framed(Visit& visit, std::string_view title, const Html& body);
// A page without bar and list.
Html bare_page(const Visit& visit, std::string_view title, const Html& body);
// "This form was open too long", with what was typed in a form that can be sent again; no secrets.
Html too_old_form(Visit& visit);
// The same of a form that another site has sent: nothing of it is shown, and nothing invites to
// send it again.
Html foreign_form();

}  // namespace ionian::gateway::pages
