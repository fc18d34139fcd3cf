#pragma once
// What was deleted can come back for some days: the owner's calls for it, and its end after them.
#include "services/admin.pb.h"
#include "services/context.h"
#include "store/deleted.h"

namespace ionian::services {

class Deleted {
 public:
  explicit Deleted(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  static constexpr std::int64_t kPage = 500;

  // DeletedList.
  Result<DeletedListResponse> list(rpc::Call& call, const DeletedListRequest& request,
                                   store::View& view);
  // Undelete. Under its old id, with all that was in it.
  //   errors   NOT_FOUND nothing of that id, or no such environment · ALREADY_EXISTS the name is
  //            taken · FAILED_PRECONDITION its environment is gone · INVALID_ARGUMENT name
  Result<UndeleteResponse> undelete(rpc::Call& call, const UndeleteRequest& request, store::Tx& tx);

  Context& c_;
};

// Removes for good what has been kept long enough and, where the disk is short, the oldest of the
// kinds that then go. Some at a time: to be called again and again.
void purge_what_was_deleted(store::Store& store, const store::KeepDeleted& keep, bool disk_is_short,
                            Time now);

}  // namespace ionian::services
