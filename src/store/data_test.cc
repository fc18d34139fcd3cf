// Queues, dicts and what they have in common, without a server.
#include "base/cat.h"
#include "base/random.h"
#include "store/apps.h"
#include "store/calls.h"
#include "store/data_fixture.h"
#include "store/deleted.h"
#include "store/deployments.h"
#include "store/dicts.h"
#include "store/objects.h"
#include "store/replies.h"
#include "store/workspaces.h"

namespace ionian::store {
namespace {

TEST_F(DataTest, OfFunctionsWithOneNameTheLiveOneComesLast) {
  const AppId app{"ap-1"};
  const auto function = [&](const char* id) {
    return Function{.id = FunctionId(id), .app = app, .tag = "f"};
  };
  write([&](Tx& tx) {
    insert_app(tx, {.id = app, .workspace = kWorkspace, .environment = kEnvironment});
    insert_function(tx, function("fu-former-and-live-again"), now_);
    insert_function(tx, function("fu-retired"), now_);
    retire_all(tx, app);
    make_function_live(tx, FunctionId("fu-former-and-live-again"), "f");
    insert_pinned_function(tx, function("fu-pinned"), 1, now_);
  });
  std::string seen;
  for (const Function& f : store_->read([&](View& view) { return list_functions(view, app); }))
    cat_to(seen, f.id, f.live ? " live " : " ");
  EXPECT_EQ(seen, "fu-pinned fu-retired fu-former-and-live-again live ");
}

TEST_F(DataTest, ResultsGoAWeekAfterTheirCallAndTheCallLater) {
  const auto add = [&](Tx& tx, const char* id, std::optional<Time> done) {
    insert_call(tx, {.id = CallId(cat("fc-", id)), .workspace = kWorkspace, .created_at = now_});
    insert_input(tx, CallId(cat("fc-", id)), {.id = InputId(cat("in-", id)), .input = "what"});
    if (done) keep_output(tx, CallId(cat("fc-", id)), InputId(cat("in-", id)), 0, "result", *done);
  };
  bool more = true;
  write([&](Tx& tx) {
    add(tx, "open", std::nullopt);
    add(tx, "new", now_ - 1h);
    add(tx, "old", now_ - 3h);
    add(tx, "older", now_ - 5h);
    more = remove_old_calls(tx, now_ - 2h, now_ - 4h, 10);
    EXPECT_FALSE(remove_old_calls(tx, now_ - 2h, now_ - 4h, 10));
  });
  EXPECT_TRUE(more);
  std::string left;
  store_->read([&](View& view) {
    for (const char* id : {"open", "new", "old", "older"})
      if (find_call(view, kWorkspace, CallId(cat("fc-", id))))
        cat_to(left, id, ':', list_inputs(view, CallId(cat("fc-", id))).size(), ' ');
  });
  EXPECT_EQ(left, "open:1 new:1 old:0 ");
}

TEST_F(DataTest, SomeOutputsOfACallAreFoundByTheirNumbers) {
  const CallId call{"fc-1"};
  write([&](Tx& tx) {
    insert_call(tx, {.id = call, .workspace = kWorkspace, .created_at = now_});
    for (int i = 0; i < 5; ++i)
      insert_input(tx, call, {.id = InputId(cat("in-", i)), .index = 4 - i, .input = "what"});
    for (int i = 0; i < 4; ++i)
      keep_output(tx, call, InputId(cat("in-", i)), static_cast<std::size_t>(i), cat("result ", i),
                  now_);
  });
  store_->read([&](View& view) {
    EXPECT_EQ(count_inputs(view, call), 5u);
    EXPECT_FALSE(find_call(view, kWorkspace, call)->done_at);
    std::string found;
    for (const CallInput& input : list_outputs(view, call, {0, 2, 9, 999}))
      cat_to(found, input.index, ' ', input.id, ' ', input.output, ' ');
    EXPECT_EQ(found, "1 in-3 result 3 2 in-2 result 2 ");  // number 0 has none yet
  });
  write([&](Tx& tx) { keep_output(tx, call, InputId("in-4"), 4, "the last", now_); });
  store_->read([&](View& view) {
    EXPECT_EQ(find_call(view, kWorkspace, call)->done_at, now_);
    EXPECT_EQ(list_outputs(view, call, {0, 0, 9, 999}).at(0).output, "the last");
  });
}

TEST_F(DataTest, ItemsComeInTheOrderInWhichTheyWerePut) {
  write([&](Tx& tx) {
    put(tx, {"a", "b"});
    put(tx, {"c", "d", "e"});
    EXPECT_EQ(text(take_items(tx, kKey, now_, 2, 100)), "a b ");
    EXPECT_EQ(text(take_items(tx, kKey, now_, 100, 2)), "c d ");  // bytes bound it too
    EXPECT_EQ(text(take_items(tx, kKey, now_, 100, 0)), "e ");    // but one comes always
    EXPECT_TRUE(take_items(tx, kKey, now_, 100, 100).empty());
    EXPECT_EQ(size_of_queue(tx, "qu-1", now_).items, 0);
  });
}

TEST_F(DataTest, WhatIsGivenBackIsWhereItWas) {
  write([&](Tx& tx) {
    put(tx, {"a", "b", "c"});
    const std::vector<QueueItem> taken = take_items(tx, kKey, now_, 2, 100);
    put(tx, {"d"});
    give_back_items(tx, kKey, taken, now_);
    EXPECT_EQ(find_partition(tx, kKey, now_)->items, 4);
    EXPECT_EQ(find_partition(tx, kKey, now_)->bytes, 4);
    EXPECT_EQ(text(take_items(tx, kKey, now_, 10, 100)), "a b c d ");
  });
}

TEST_F(DataTest, WhatIsGivenBackAfterAClearIsClearedToo) {
  const auto clear_one = [&](Tx& tx) { clear_partition(tx, kKey); };
  const auto clear_all = [&](Tx& tx) { clear_queue(tx, kKey.queue); };
  const auto be_over = [&](Tx&) { now_ += 10s; };
  const std::vector<std::function<void(Tx&)>> ways = {clear_one, clear_all, be_over};
  for (const auto& lose_all : ways)
    write([&](Tx& tx) {
      put(tx, {"a", "b"}, 10s);
      const std::vector<QueueItem> taken = take_items(tx, kKey, now_, 1, 100);
      lose_all(tx);
      put(tx, {"c"}, 10s);
      give_back_items(tx, kKey, taken, now_);
      EXPECT_EQ(find_partition(tx, kKey, now_)->items, 1);
      EXPECT_EQ(text(take_items(tx, kKey, now_, 10, 100)), "c ");
      clear_partition(tx, kKey);
    });
}

TEST_F(DataTest, APartitionWhoseTimeIsUpIsEmptyAndBeginsAnew) {
  write([&](Tx& tx) {
    put(tx, {"a"}, 10s);
    now_ += 10s;
    EXPECT_FALSE(find_partition(tx, kKey, now_));
    EXPECT_TRUE(take_items(tx, kKey, now_, 1, 100).empty());
    put(tx, {"b"}, 10s);
    EXPECT_EQ(text(take_items(tx, kKey, now_, 10, 100)), "b ");
    EXPECT_TRUE(has_partitions(tx, "qu-1", 1, now_));
    EXPECT_FALSE(has_partitions(tx, "qu-1", 2, now_));
    now_ += 10s;
    EXPECT_FALSE(has_partitions(tx, "qu-1", 1, now_));
    EXPECT_EQ(records(tx), 1);
    remove_expired_partitions(tx, now_, 10);
    EXPECT_EQ(records(tx), 0);
  });
}

TEST_F(DataTest, ReadersGoOnWhereTheyWereAfterAClear) {
  write([&](Tx& tx) {
    put(tx, {"a", "b"});
    const QueuePartition before = *find_partition(tx, kKey, now_);
    const std::int64_t last = peek_items(tx, before, 0, 10, 100).back().number;
    clear_partition(tx, kKey);
    EXPECT_TRUE(peek_items(tx, *find_partition(tx, kKey, now_), 0, 10, 100).empty());
    put(tx, {"c"});
    EXPECT_EQ(text(peek_items(tx, *find_partition(tx, kKey, now_), last, 10, 100)), "c ");
  });
}

TEST_F(DataTest, ReadersGoOnWhereTheyWereAfterAPartitionWasOver) {
  write([&](Tx& tx) {
    put(tx, {"a", "b", "c"}, 10s);
    const auto last = [&] {
      return peek_items(tx, *find_partition(tx, kKey, now_), 0, 10, 100).back().number;
    };
    const std::int64_t seen = last();
    now_ += 10s;
    put(tx, {"d"}, 10s);
    EXPECT_EQ(text(peek_items(tx, *find_partition(tx, kKey, now_), seen, 10, 100)), "d ");
    const std::int64_t seen_later = last();
    now_ += 10s;
    remove_expired_partitions(tx, now_, 10);
    put(tx, {"e"}, 10s);
    EXPECT_EQ(text(peek_items(tx, *find_partition(tx, kKey, now_), seen_later, 10, 100)), "e ");
  });
}

TEST_F(DataTest, KeysOfADictAreBytes) {
  const std::string zero("\0", 1), longer("\0\0", 2);
  write([&](Tx& tx) {
    put_entry(tx, "di-1", zero, "one", now_);
    put_entry(tx, "di-1", longer, "two", now_);
    put_entry(tx, "di-1", "", "three", now_);
    put_entry(tx, "di-1", zero, "four", now_);
    EXPECT_EQ(find_entry(tx, "di-1", zero, {})->value, "four");
    EXPECT_EQ(find_entry(tx, "di-1", longer, {})->value, "two");
    EXPECT_EQ(find_entry(tx, "di-1", "", {})->value, "three");
    EXPECT_EQ(count_entries(tx, "di-1", {}, 100), 3);
    EXPECT_EQ(count_entries(tx, "di-1", {}, 2), 2);
    EXPECT_TRUE(remove_entry(tx, "di-1", zero));
    EXPECT_FALSE(remove_entry(tx, "di-1", zero));
  });
}

TEST_F(DataTest, AnEntryThatNobodyUsedIsThereNoMore) {
  write([&](Tx& tx) {
    put_entry(tx, "di-1", "old", "1", now_);
    put_entry(tx, "di-1", "used", "2", now_);
    note_use(tx, "di-1", "used", now_ + 1h);
    const Time alive = now_ + 1min;
    EXPECT_FALSE(find_entry(tx, "di-1", "old", alive));
    EXPECT_TRUE(find_entry(tx, "di-1", "used", alive));
    EXPECT_EQ(count_entries(tx, "di-1", alive, 100), 1);
    EXPECT_EQ(list_entries(tx, "di-1", alive, {}).size(), 1u);
    // Where entries stay for ever they count as used instead.
    remove_unused_entries(tx, alive, 100, {"main"}, now_);
    EXPECT_EQ(count_entries(tx, "di-1", {}, 100), 2);
    remove_unused_entries(tx, alive, 100, {}, now_);
    EXPECT_EQ(count_entries(tx, "di-1", {}, 100), 1);
  });
}

TEST_F(DataTest, AListIsReadInPages) {
  write([&](Tx& tx) {
    for (int i = 0; i < 10; ++i) put_entry(tx, "di-1", cat(i), "12345", now_);
    std::string keys;
    DictPage page{.entries = 3, .bytes = 1000};
    for (;;) {
      const auto rows = list_entries(tx, "di-1", {}, page);
      if (rows.empty()) break;
      EXPECT_LE(rows.size(), 3u);
      for (const DictRow& row : rows) keys += row.key;
      page.after = rows.back().number;
    }
    EXPECT_EQ(keys, "0123456789");
    EXPECT_EQ(list_entries(tx, "di-1", {}, {.bytes = 7}).size(), 2u);
  });
}

TEST_F(DataTest, TheNewestRepliesStayAsManyAndAsLargeAsMay) {
  write([&](Tx& tx) {
    for (int i = 0; i < 10; ++i)
      keep_reply(tx, {.key = cat(i), .request_hash = "h", .reply = "12345", .at = now_ + 1ms * i});
    EXPECT_FALSE(find_reply_cut(tx, {.replies = 10, .bytes = 60}));
    const auto by_number = find_reply_cut(tx, {.replies = 8, .bytes = 60});
    ASSERT_TRUE(by_number);
    remove_replies_up_to(tx, *by_number);
    EXPECT_FALSE(find_reply(tx, "1"));
    EXPECT_EQ(find_reply(tx, "2"), "12345");
    const auto by_bytes = find_reply_cut(tx, {.replies = 10, .bytes = 30});
    ASSERT_TRUE(by_bytes);
    remove_replies_up_to(tx, *by_bytes);
    std::string left;
    each_reply(tx, {.since = now_ + 6ms, .reply_bytes_max = 4},
               [&](const RememberedReply& r) { left += r.key + (r.reply ? "" : " is large, "); });
    EXPECT_EQ(left, "6 is large, 7 is large, 8 is large, 9 is large, ");
    EXPECT_FALSE(find_reply(tx, "4"));
    // What came since is none of those that were too many.
    remove_replies_up_to(tx, {.number = 100, .at = now_ + 8ms});
    EXPECT_FALSE(find_reply(tx, "8"));
    EXPECT_TRUE(find_reply(tx, "9"));
  });
}

TEST_F(DataTest, OldRepliesGoAndOfAKeyTheNewestIsFound) {
  write([&](Tx& tx) {
    const auto keep = [&](const std::string& key, const std::string& reply, Duration after) {
      keep_reply(tx, {.key = key, .request_hash = "h", .reply = reply, .at = now_ + after});
    };
    keep("taken", "first", 0s);
    keep("other", "o", 1s);
    remove_reply(tx, "taken");
    EXPECT_FALSE(find_reply(tx, "taken"));
    keep("taken", "second", 2s);
    EXPECT_EQ(find_reply(tx, "taken"), "second");
    remove_reply(tx, "");
    remove_replies(tx, now_ + 2s);
    EXPECT_FALSE(find_reply(tx, "other"));
    EXPECT_EQ(find_reply(tx, "taken"), "second");
    remove_replies(tx, now_ + 3s);
    EXPECT_FALSE(find_reply(tx, "taken")) << "the last of them goes as well";
  });
}

TEST_F(DataTest, NamesAreOfOneKindAndEnvironmentAndPagesMissNobody) {
  write([&](Tx& tx) {
    EXPECT_TRUE(find_named_object(tx, kEnvironment, "queue", "jobs"));
    EXPECT_FALSE(find_named_object(tx, kEnvironment, "dict", "jobs"));
    EXPECT_FALSE(find_named_object(tx, kEnvironment, "queue", ""));
    EXPECT_FALSE(find_object(tx, WorkspaceId("ac-2"), "queue", "qu-1"));
    for (int i = 2; i < 10; ++i) make(tx, "queue", cat("qu-", i), cat("q", i));
    std::string names;
    for (Time before = now_ + 1h;;) {
      const auto page = list_objects(tx, kEnvironment, "queue", before, 2);
      for (const DataObject& one : page) names += one.name + ' ';
      if (page.size() < 2) break;
      before = page.back().created_at;
    }
    EXPECT_EQ(names, "q9 q8 q7 q6 q5 q4 q3 q2 jobs ");
  });
}

TEST_F(DataTest, AnEphemeralObjectGoesWhenNobodySpeaksForIt) {
  write([&](Tx& tx) {
    make(tx, "queue", "qu-e", "");
    put_items(tx, {.queue = "qu-e", .key = ""}, std::nullopt, std::vector<std::string_view>{"x"},
              now_, 24h);
    EXPECT_TRUE(note_beat(tx, "qu-e", now_ + 5min));
    EXPECT_FALSE(note_beat(tx, "qu-1", now_));
    remove_forgotten_objects(tx, now_ + 4min);
    EXPECT_TRUE(find_object(tx, kWorkspace, "queue", "qu-e"));
    remove_forgotten_objects(tx, now_ + 6min);
    EXPECT_FALSE(find_object(tx, kWorkspace, "queue", "qu-e"));
    EXPECT_TRUE(find_object(tx, kWorkspace, "queue", "qu-1"));
    delete_environment(tx, kEnvironment, {.life = 0ns}, now_);
    EXPECT_FALSE(find_object(tx, kWorkspace, "dict", "di-1"));
    EXPECT_TRUE(list_deleted(tx, 0, 10).empty());
  });
}

}  // namespace
}  // namespace ionian::store
