#include "gateway/metrics.h"

#include <unistd.h>

#include <boost/beast/core/detail/base64.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "store/workspaces.h"

namespace ionian::gateway {
namespace {

// One family of figures after the other, as the format wants them.
class Page {
 public:
  void family(std::string_view name, std::string_view kind, std::string_view help) {
    cat_to(text, "# HELP ", name, ' ', help, "\n# TYPE ", name, ' ', kind, '\n');
  }
  void one(std::string_view name, std::string_view kind, std::string_view help, double value) {
    family(name, kind, help);
    cat_to(text, name, ' ', value, '\n');
  }
  std::string text;
};

struct CoreFigures {
  std::size_t tasks = 0, inputs = 0, bytes = 0;
  bool known = false;
};

// Asked on the core's thread; the coroutine waits, its thread does not.
CoreFigures core_figures(services::Context& c, Exchange& exchange) {
  CoreFigures found;
  exchange.wait([&](const std::function<void()>& done) {
    return c.core_loop.post([&, done] {
      found = {.tasks = c.core.tasks().size(),
               .inputs = c.core.live_inputs(),
               .bytes = c.core.live_bytes(),
               .known = true};
      done();
    });
  });
  return found;
}

void add_calls(Page& page, const rpc::Pipeline& pipeline) {
  page.family("ionian_calls_total", "counter", "Answered calls, by method and status.");
  pipeline.each_count([&](std::string_view method, Code code, std::uint64_t count) {
    cat_to(page.text, "ionian_calls_total{method=\"", method, "\",status=\"", code_name(code),
           "\"} ", count, '\n');
  });
  const rpc::Counters& now = pipeline.counters();
  page.one("ionian_calls_in_flight", "gauge", "Calls under way, waiting ones among them.",
           static_cast<double>(now.in_flight.load()));
  page.one("ionian_request_bytes_in_flight", "gauge",
           "Bytes of requests and replies of calls under way.",
           static_cast<double>(now.bytes_in_flight.load()));
}

void add_process(Page& page) {
  long pages = 0, resident = 0;
  std::istringstream(read_file("/proc/self/statm").value_or("")) >> pages >> resident;
  page.one("process_resident_memory_bytes", "gauge", "Memory of the server, without containers.",
           static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  std::error_code error;
  std::ptrdiff_t files = 0;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/fd", error))
    files += one.is_symlink(error);
  page.one("process_open_fds", "gauge", "Open descriptors of the server.",
           static_cast<double>(files));
  timespec cpu{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  page.one("process_cpu_seconds_total", "counter", "Processor time of the server.",
           static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) / 1e9);
}

// "Basic …" of `token id:token secret`, as scrapers send it.
Result<rpc::RequestHeaders> credentials(const Exchange& exchange) {
  std::string_view text = exchange.field("Authorization");
  if (!text.starts_with("Basic "))
    return fail(Code::kUnauthenticated,
                "figures are for programs on the server's own machine, and for basic "
                "authentication with a token: its id is the name, its secret the password");
  text.remove_prefix(6);
  std::string pair(boost::beast::detail::base64::decoded_size(text.size()), '\0');
  pair.resize(boost::beast::detail::base64::decode(pair.data(), text.data(), text.size()).first);
  const std::size_t colon = pair.find(':');
  rpc::RequestHeaders headers;
  headers.token_id = pair.substr(0, colon);
  if (colon != std::string::npos) headers.token_secret = pair.substr(colon + 1);
  return headers;
}

// A proxy on this machine brings others' requests, and says so.
bool from_this_machine(const Exchange& exchange) {
  const std::string from = exchange.remote_address();
  return (from.starts_with("127.") || from == "::1") && !exchange.has_field("X-Forwarded-For") &&
         !exchange.has_field("Forwarded");
}

}  // namespace

Route Metrics::route() {
  return {.prefix = "/metrics", .handle = [this](Exchange& exchange) { handle(exchange); }};
}

Result<void> Metrics::check(const Exchange& exchange) {
  if (from_this_machine(exchange)) return {};
  ASSIGN_OR_RETURN(const rpc::RequestHeaders headers, credentials(exchange));
  ASSIGN_OR_RETURN(const rpc::Caller caller,
                   c_.identity.authenticate(headers, "ipv4:" + exchange.remote_address()));
  const auto first =
      c_.store.read([](store::View& view) { return store::find_first_workspace(view); });
  if (caller.kind == rpc::CallerKind::kToken && caller.role >= rpc::WorkspaceRole::kManager &&
      first && caller.workspace == first->id)
    return {};
  if (caller.kind != rpc::CallerKind::kToken)
    return fail(Code::kUnauthenticated, "figures need a token here; this is none");
  return fail(Code::kPermissionDenied,
              "figures are of all workspaces: they need a token of a manager of the first one");
}

void Metrics::handle(Exchange& exchange) {
  if (exchange.target() != "/metrics" && !exchange.target().starts_with("/metrics?"))
    return exchange.reply(404, "text/plain; charset=utf-8", "there is nothing at this address\n");
  if (Result<void> may = check(exchange); !may) return exchange.reply_error(may.error());
  std::string page = text(exchange);
  exchange.reply(200, "text/plain; version=0.0.4; charset=utf-8", std::move(page));
}

std::string Metrics::text(Exchange& exchange) {
  Page page;
  if (const rpc::Pipeline* pipeline = pipeline_.load()) add_calls(page, *pipeline);
  if (const CoreFigures core = core_figures(c_, exchange); core.known) {
    page.one("ionian_tasks", "gauge", "Containers that live or are about to.",
             static_cast<double>(core.tasks));
    page.one("ionian_inputs", "gauge", "Inputs that wait, run, or have a result not fetched yet.",
             static_cast<double>(core.inputs));
    page.one("ionian_input_bytes", "gauge", "Bytes of their arguments and results in memory.",
             static_cast<double>(core.bytes));
  }
  page.one("ionian_waiting_calls", "gauge", "Calls that wait for something to happen.",
           static_cast<double>(c_.core_loop.waiting() + c_.log_loop.waiting()));
  page.one("ionian_commits_total", "counter", "Transactions that reached the disk.",
           static_cast<double>(c_.store.commits()));
  page.one("ionian_blob_received_bytes_total", "counter", "Bytes of blobs that came in by HTTP.",
           static_cast<double>(blobs_.received.load()));
  page.one("ionian_blob_sent_bytes_total", "counter", "Bytes of blobs that went out by HTTP.",
           static_cast<double>(blobs_.sent.load()));
  const worker::Worker::StandbyCounts standbys = worker_.standby_counts();
  page.one("ionian_standbys", "gauge", "Interpreters that are ready for a task.",
           static_cast<double>(standbys.ready));
  page.one("ionian_standbys_taken_total", "counter", "Tasks that found one ready.",
           static_cast<double>(standbys.taken));
  page.one("ionian_standbys_missing_total", "counter", "Tasks that found none.",
           static_cast<double>(standbys.missing));
  page.one("ionian_zygotes", "gauge", "Interpreters that copies can be made of.",
           static_cast<double>(standbys.zygotes));
  page.one("ionian_standbys_copied_total", "counter", "Of those, tasks that began as a copy.",
           static_cast<double>(standbys.copied));
  page.one("ionian_files_read_ahead_total", "counter",
           "Files of the runtime that were read before an interpreter came to them.",
           static_cast<double>(standbys.read_ahead));
  add_process(page);
  page.one("process_start_time_seconds", "gauge", "When the server began, since 1970.",
           to_unix_seconds(started_));
  return std::move(page.text);
}

}  // namespace ionian::gateway
