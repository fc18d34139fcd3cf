#include "gateway/pages/secret_page.h"

#include "gateway/pages/words.h"

namespace ionian::gateway::pages {
namespace {

Html ways_to_use(const Visit& visit, const Secret& made) {
  const std::string url = visit.server_url.empty() ? "http://127.0.0.1:8713" : visit.server_url;
  const Html command = html("MODAL_SERVER_URL={} modal token set --token-id {}", url, made.id);
  const Html variables = html("MODAL_SERVER_URL={}<br>MODAL_TOKEN_ID={}<br>MODAL_TOKEN_SECRET={}",
                              url, made.id, made.secret);
  const Html cpp = html(
      "ionian::Client client({\n    .token_id = std::getenv(\"MODAL_TOKEN_ID\"),\n"
      "    .token_secret = std::getenv(\"MODAL_TOKEN_SECRET\"),\n    .server_url = \"{}\"});",
      url);
  const Html python = html("client = modal.Client.from_credentials(token_id, token_secret)");
  const Html javascript = html("const modal = new ModalClient({ tokenId, tokenSecret });");
  const Html go = html(
      "mc, err := modal.NewClientWithOptions(&modal.ClientParams{\n    TokenID: id, TokenSecret: "
      "secret})");
  return html(R"(<section class="panel" aria-labelledby="use-t">
<div class="head"><h2 id="use-t">Use it</h2></div>
<div class="pad">
<div><b>On your computer.</b> Asks for the secret, so that it stays out of the shell’s history,
checks the pair and stores it in <code>~/.modal.toml</code>.
{}</div>
<div><b>On a server or in CI.</b> Three variables for its secret store. They win over the file.
{}</div>
<fieldset class="langs">
<legend class="vh">In a program, by language</legend>
<label><input type="radio" name="lang" checked>C++</label>
<div><pre tabindex="0"><code>{}</code></pre></div>
<label><input type="radio" name="lang">Python</label>
<div><pre tabindex="0"><code>{}</code></pre></div>
<label><input type="radio" name="lang">JavaScript</label>
<div><pre tabindex="0"><code>{}</code></pre></div>
<label><input type="radio" name="lang">Go</label>
<div><pre tabindex="0"><code>{}</code></pre></div>
</fieldset>
</div>
</section>
)",
              copy_line("cmd", "the command", command),
              copy_line("env", "the variables", variables), cpp, python, javascript, go);
}

Html headers_to_send(const Secret& made) {
  const Html variables = html("MODAL_KEY={}<br>MODAL_SECRET={}", made.id, made.secret);
  return html(R"(<section class="panel" aria-labelledby="use-t">
<div class="head"><h2 id="use-t">Use it</h2></div>
<div class="pad">
<p>Two headers with every request. A wrong or deleted key gets <b>401</b> and never reaches your
code.</p>
<pre tabindex="0"><code>{}</code></pre>
<div><b>For the caller’s secret store.</b>
{}</div>
</div>
</section>
)",
              "curl URL -H \"Modal-Key: $MODAL_KEY\" -H \"Modal-Secret: $MODAL_SECRET\"",
              copy_line("env", "the variables", variables));
}

}  // namespace

void show_secret(Visit& visit, const Secret& made) {
  const std::string_view id_label = made.proxy ? "Modal-Key" : "Token ID";
  const std::string_view secret_label = made.proxy ? "Modal-Secret" : "Token secret";
  const Html title = html(words::kTokenReady, made.name);
  const std::string_view copy_now = made.proxy ? words::kCopyNowProxy : words::kCopyNow;
  const std::string_view rest = copy_now.substr(copy_now.find(". ") + 2);
  visit.page(200, "Token made",
             html(R"(<header>
<div><p><a href="{}">{}</a></p><h1>{}</h1><p>{}</p></div>
</header>
<section class="panel" aria-labelledby="pair-t">
<div class="head"><h2 id="pair-t">{}</h2>{}</div>
<div class="pad">
<p>{}</p>
<div>{} {}</div>
<div>{} {}</div>
</div>
</section>
{}<div class="act"><a class="button primary" href="{}">I have stored it</a></div>
)",
                  made.up, made.up_name, title, made.what,
                  copy_now.substr(0, copy_now.find(". ") + 1), tag("warn", "shown only this once"),
                  rest, id_label, copy_line("tid", "the id", plain(made.id)), secret_label,
                  copy_line("tse", "the secret", plain(made.secret)),
                  made.proxy ? headers_to_send(made) : ways_to_use(visit, made), made.up));
}

bool first_time(Visit& visit, const std::string& up, std::string_view up_name) {
  const auto made = visit.site.c.sign_ins.claim_once(visit.cookie, visit.typed("once"));
  if (!made) return true;
  const Html why = made->empty() ? Html() : html(words::kShownAlreadyWhy, *made);
  visit.page(
      200, words::kShownAlready,
      page_head_below(up, up_name, words::kShownAlready, why) +
          html("<div class=\"act\"><a class=\"button primary\" href=\"{}\">Back to {}</a></div>\n",
               up, up_name));
  return false;
}

void made_once(Visit& visit, const std::string& name) {
  visit.site.c.sign_ins.note_once(visit.cookie, visit.typed("once"), name);
}

}  // namespace ionian::gateway::pages
