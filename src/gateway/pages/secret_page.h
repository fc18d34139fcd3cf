#pragma once
// The one page that shows a secret. It is the answer to the form that made it: a reload sends the
// same form again, which makes no second one and says that the first was shown.
#include "gateway/pages/parts.h"

namespace ionian::gateway::pages {

struct Secret {
  std::string name;
  Html what;  // "Member in main and staging, in your name, until …"
  std::string up, up_name;
  std::string id, secret;
  bool proxy = false;  // for callers of web endpoints, not for the API
};
void show_secret(Visit& visit, const Secret& made);

// True if this form comes for the first time; else answers that its secret was shown.
bool first_time(Visit& visit, const std::string& up, std::string_view up_name);
// What was made, once it is.
void made_once(Visit& visit, const std::string& name);

}  // namespace ionian::gateway::pages
