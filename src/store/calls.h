#pragma once
// Asynchronous calls: what was acknowledged to a spawner, how often each input was tried, and its
// result.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct Call {
  CallId id;
  FunctionId function;
  AppId app;
  WorkspaceId workspace;
  InputId parent_input;
  int type = 0;             // modal.client.FunctionCallType
  int invocation_type = 0;  // modal.client.FunctionCallInvocationType
  Time created_at;
  std::optional<Time> scheduled_at = {};  // of a schedule's run: when it was due
  std::optional<Time> done_at = {};       // since when all its inputs have their outputs
};

struct CallInput {
  InputId id;
  std::int32_t index = 0;
  std::string input;           // serialized modal.client.FunctionInput
  std::uint32_t attempts = 0;  // failures that count against the retry policy
  std::uint32_t lost = 0;      // containers that were lost under it
  std::string output;          // serialized modal.client.FunctionGetOutputsItem; "" = none yet
  std::size_t position = 0;    // of the output among the call's
  bool cancelled = false;      // its caller wants no result
  std::optional<Time> next_attempt = {};  // not before
};

void insert_call(Tx& tx, const Call& call);
void insert_input(Tx& tx, const CallId& call, const CallInput& input);
// More inputs come for a call that may have been done.
void reopen_call(Tx& tx, const CallId& call);
// How often it has been tried, and when it is next: `input.attempts`, `.lost` and `.next_attempt`.
void keep_attempts(Tx& tx, const CallInput& input);
// Those of its inputs that have no output yet.
void cancel_inputs(Tx& tx, const CallId& call);
// The first output of an input stays; a later one changes nothing.
void keep_output(Tx& tx, const CallId& call, const InputId& input, std::size_t position,
                 std::string_view output, Time now);

std::optional<Call> find_call(View& view, const WorkspaceId& workspace, const CallId& id);
// By order of arrival.
std::vector<CallInput> list_inputs(View& view, const CallId& call);
struct OutputsAsked {
  std::int32_t first = 0, last = 0;  // numbers of inputs
  std::size_t most = 0;
  std::size_t bytes_max = 0;  // the one that passes it is the last
};
// Of those with these numbers, the ones that have an output, by number. Where there are too many,
// all inputs of the last number are there.
std::vector<CallInput> list_outputs(View& view, const CallId& call, const OutputsAsked& asked);
std::size_t count_inputs(View& view, const CallId& call);
std::int32_t last_index(View& view, const CallId& call);  // the highest number; -1: no inputs
// Of one app, by age: those that have inputs without output.
std::vector<Call> list_unfinished_calls(View& view, const AppId& app);

// Ends the time of results: those of calls that were done before `results`, and of calls that were
// done before `calls` everything. At most `most` calls at a time; true if there may be more.
bool remove_old_calls(Tx& tx, Time results, Time calls, std::size_t most);

}  // namespace ionian::store
