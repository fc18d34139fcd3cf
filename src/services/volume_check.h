#pragma once
// The owner's proof that the bytes of volumes are what was stored.
#include "services/admin.pb.h"
#include "services/volumes.h"

namespace ionian::services {

class VolumeCheck {
 public:
  VolumeCheck(Context& context, VolumeParts parts) : c_(context), p_(parts) {}
  void bind(rpc::Table& table);

 private:
  static constexpr std::size_t kFilesAtOnce = 256;
  static constexpr std::uint64_t kBytesAtOnce = 1ULL << 30;

  // VolumesCheck. Reads every block from the disk and compares its hash; goes on where it ended.
  Result<VolumesCheckResponse> check(rpc::Call& call, const VolumesCheckRequest& request,
                                     VolumeWork& work);

  Context& c_;
  const VolumeParts p_;
};

}  // namespace ionian::services
