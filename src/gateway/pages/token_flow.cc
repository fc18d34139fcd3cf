// The answer to `modal setup`: what asks, where from, and yes or no.
#include "gateway/pages/pages.h"
#include "gateway/pages/token_rows.h"
#include "gateway/pages/words.h"

namespace ionian::gateway::pages {
namespace {

using services::Flow;
using services::TokenFlows;

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

bool named_loopback(const Visit& visit) {
  const std::string header = visit.host();
  std::string_view host = header;
  if (const std::size_t colon = host.rfind(':'); colon != host.npos && !host.ends_with(']'))
    host = host.substr(0, colon);
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

// Whether the page's script may prove that browser and command share a computer: both reach us by
// loopback, so a stranger's request from elsewhere never gets this far. See
// docs/decisions/2026-11-22-same-computer.md.
bool may_prove_same_computer(const Visit& visit, const Flow& flow) {
  return flow.localhost_port > 0 && flow.localhost_port < 65536 && is_loopback(flow.address) &&
         is_loopback(visit.address) && named_loopback(visit);
}

std::string host_name(const Flow& flow) {
  return flow.host.empty() ? "a computer" : tamed(flow.host, 64);
}

void ended(Visit& visit) {
  visit.bare(410, words::kFlowEnded,
             html("<h1>{}</h1>\n<p>{}</p>\n", words::kFlowEnded, html(words::kFlowEndedWhy)));
}

Html facts(const Visit& visit, const Flow& flow) {
  const Person& me = *visit.person;
  const bool same = flow.address == visit.address;
  const std::string life = flow.expires_in_seconds
                               ? cat("for ", words_for(1s * flow.expires_in_seconds))
                               : "without an end";
  return html(R"(<section class="panel" aria-label="What asks for access">
<dl class="facts pad">
<dt>Computer</dt><dd><b>{}</b> <small>as it calls itself</small></dd>
<dt>Address</dt><dd>{}{}</dd>
<dt>Client</dt><dd>{}<br><small>{}</small></dd>
<dt>Asked</dt><dd>{}<br><small>ends in {}</small></dd>
<dt>It will be</dt><dd>{} in all of {}, {}</dd>
</dl>
</section>
)",
              host_name(flow), flow.address,
              same ? tag("ok", "same as this browser") : tag("warn", words::kOtherAddress),
              flow.client_version.empty() ? "unknown" : tamed(flow.client_version, 32),
              tamed(flow.platform, 64), time_tag(visit.now, flow.created),
              words_for(TokenFlows::kLife - (visit.now - flow.created)), me.role_text,
              me.workspace_name, life);
}

Html code_field(const Html& error) {
  const Html described = error.empty() ? html("code-h") : html("code-e code-h");
  return html(R"(<label id="code-l">Code from the terminal
<input class="code" name="code" autocomplete="one-time-code" required autofocus maxlength="9"
placeholder="XXXX-XXXX" spellcheck="false" autocapitalize="characters"{} aria-describedby="{}">
{}<small id="code-h">{}</small>
</label>
)",
              error.empty() ? Html() : html(" aria-invalid=\"true\""), described,
              error.empty()
                  ? Html()
                  : html("<span class=\"err\" id=\"code-e\" role=\"alert\">{}</span>\n", error),
              words::kCodeHint);
}

void show(Visit& visit, int status, const Flow& flow, const Html& error) {
  const std::string action = cat("/token-flow/", flow.id), host = host_name(flow);
  const bool proof = may_prove_same_computer(visit, flow);
  const std::string origin = cat("http://localhost:", flow.localhost_port);
  if (proof) visit.allow_connect_to(origin);
  const Html asks = proof ? html(" data-ask=\"{}/\"", origin) : Html();
  const Html proven = proof ? html(
                                  "<input type=\"hidden\" name=\"local\" value=\"\">\n<p "
                                  "class=\"flash ok\" id=\"same\" role=\"status\" hidden>{}</p>\n",
                                  words::kSameComputer)
                            : Html();
  const Html warning = flow.address == visit.address
                           ? Html()
                           : html("<p class=\"flash warn\" role=\"alert\">{}</p>\n",
                                  html(words::kOtherAddressWhy, flow.address, visit.address));
  visit.bare(status, "Approve a token",
             html(R"(<div>
<h1>{}</h1>
<p><small>{}</small></p>
</div>
{}{}<form method="post" action="{}"{}>
{}
{}{}<div class="act">
<button class="primary" name="do" value="approve">Approve</button>
<button name="do" value="refuse" formnovalidate>Refuse</button>
</div>
</form>
<p><small>Signed in as {}. Did somebody send you this link? Refuse: no colleague needs you to
open one.</small></p>
)",
                  html(words::kApprove, host, visit.person->workspace_name), words::kApproveWhy,
                  facts(visit, flow), warning, action, asks, visit.form_key(action), proven,
                  code_field(error), visit.person->user.email));
}

void tell_waiting_command(const Visit& visit, const std::string& id) {
  rpc::Loop& loop = visit.site.flow_loop;
  loop.post([&loop, id] { loop.notify(TokenFlows::key(id)); });
}

void approved(Visit& visit, const Flow& flow, const store::Token& token) {
  const Person& me = *visit.person;
  Question not_me = revoke_question(visit, token);
  not_me.text = html(
      "Its next call is refused and its open streams end within 5 seconds. Your password stays as "
      "it is; change "
      "it too if a stranger had your screen.");
  not_me.go = "Revoke now";
  const Html expires = token.expires_at
                           ? html("<dt>Expires</dt><dd>{}</dd>\n", date_tag(*token.expires_at))
                           : Html();
  visit.bare(200, "Approved",
             html(R"(<div>
<h1>{}</h1>
<p><small>{}</small></p>
</div>
<section class="panel" aria-label="The token">
<dl class="facts pad">
<dt>Token</dt><dd><b>{}</b><br><small><code>{}</code></small></dd>
<dt>Acts as</dt><dd>{}, {}, all environments of {}</dd>
{}<dt>Kept by</dt><dd>the command on {}, in <code>~/.modal.toml</code> as profile <b>{}</b></dd>
</dl>
</section>
<div>
<h2>Next, in that terminal</h2>
<pre tabindex="0"><code>modal token info
modal run hello.py</code></pre>
</div>
<div class="act">
<a class="button" href="{}">Open {}</a>
{}
</div>
)",
                  words::kApproved, words::kApprovedWhy, tamed(token.name, 64), token.id,
                  me.user.name, me.role_text, me.workspace_name, expires, host_name(flow),
                  me.workspace_name, visit.place("/tokens"), me.workspace_name,
                  ask_button(visit, not_me, "That was not me", "That was not me")));
}

void approve(Visit& visit, const Flow& flow) {
  services::TokenPair pair;
  std::optional<store::Token> token;
  const services::Actor actor = visit.actor();
  const Result<void> made = visit.change([&](store::Tx& tx) -> Result<void> {
    services::NewToken wanted{.principal = actor.principal};
    wanted.name =
        services::TokenRules::free_name(tx, actor.workspace, actor.principal,
                                        flow.host.empty() ? "modal setup" : tamed(flow.host, 50));
    if (flow.expires_in_seconds) wanted.expires_at = visit.now + 1s * flow.expires_in_seconds;
    wanted.reason = cat(wanted.name, ", asked for by ", tamed(flow.host, 64), " at ", flow.address);
    ASSIGN_OR_RETURN(pair, token_rules(visit).create(tx, actor, wanted));
    token = store::find_token(tx, pair.id);
    return {};
  });
  if (!made) return visit.refused(made.error(), "approve tokens");
  if (!visit.site.flows.approve(visit.now, flow.id, pair, visit.person->workspace_name)) {
    // Somebody else has answered in between: nobody will collect this token.
    (void)visit.change([&](store::Tx& tx) -> Result<void> {
      TRY(services::TokenRules::revoke(tx, actor, pair.id));
      return {};
    });
    return ended(visit);
  }
  tell_waiting_command(visit, flow.id);
  approved(visit, flow, *token);
}

void refuse(Visit& visit, const Flow& flow) {
  visit.site.flows.refuse(visit.now, flow.id);
  tell_waiting_command(visit, flow.id);
  visit.bare(
      200, words::kRefused,
      html("<h1>{}</h1>\n<p>{}</p>\n", words::kRefused, html(words::kRefusedWhy, host_name(flow))));
}

void answer(Visit& visit, const Flow& flow) {
  TokenFlows& flows = visit.site.flows;
  if (visit.typed("do") == "refuse") return refuse(visit, flow);
  if (may_prove_same_computer(visit, flow) && visit.typed("local") == flow.id)
    return approve(visit, flow);
  if (visit.typed("code").empty())
    return show(visit, 400, flow, html("Type the code that the command shows."));
  if (flows.try_code(visit.now, flow.id, visit.typed("code"))) return approve(visit, flow);
  const auto now = flows.find(visit.now, flow.id);
  if (!now || now->state != Flow::kOpen) {
    tell_waiting_command(visit, flow.id);
    return ended(visit);
  }
  const int left = TokenFlows::kCodesMax - now->wrong_codes;
  show(visit, 400, flow, left == 1 ? html(words::kWrongCodeLast) : html(words::kWrongCode, left));
}

}  // namespace

void token_flow(Visit& visit, const std::string& id) {
  const auto flow = visit.site.flows.find(visit.now, id);
  if (!flow || flow->state != Flow::kOpen) return ended(visit);
  if (!visit.person) return visit.ask_to_sign_in();
  if (visit.person->workspace_name.empty()) return visit.redirect("/");
  if (!visit.posted()) return show(visit, 200, *flow, {});
  if (visit.accept_form()) answer(visit, *flow);
}

}  // namespace ionian::gateway::pages
