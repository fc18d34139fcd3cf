#include "container/rtnetlink.h"

#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace ionian::container {

// A request under construction: a header, a family header, and attributes that may nest.
class RtNetlink::Message {
 public:
  template <class Family>
  Message(std::uint16_t type, std::uint16_t flags, const Family& family) {
    header().nlmsg_type = type;
    header().nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST | NLM_F_ACK);
    length_ = NLMSG_HDRLEN;
    append(&family, sizeof family);
  }
  void add(std::uint16_t type, const void* data, std::size_t size) {
    const rtattr attribute{static_cast<std::uint16_t>(RTA_LENGTH(size)), type};
    append(&attribute, sizeof attribute);
    append(data, size);
  }
  void add(std::uint16_t type, const std::string& text) {
    add(type, text.c_str(), text.size() + 1);
  }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void add(std::uint16_t type, Number number) {
    add(type, &number, sizeof number);
  }
  std::size_t begin(std::uint16_t type) {
    const std::size_t at = length_;
    add(type, nullptr, 0);
    return at;
  }
  void append(const void* data, std::size_t size) {
    CHECK(length_ + NLMSG_ALIGN(size) <= sizeof buffer_);
    if (size) std::memcpy(buffer_ + length_, data, size);
    length_ += NLMSG_ALIGN(size);
  }
  void end(std::size_t at) {
    reinterpret_cast<rtattr*>(buffer_ + at)->rta_len = static_cast<std::uint16_t>(length_ - at);
  }
  const void* finish() {
    header().nlmsg_len = static_cast<std::uint32_t>(length_);
    return buffer_;
  }
  std::size_t size() const { return length_; }

 private:
  nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(buffer_); }

  alignas(nlmsghdr) char buffer_[1024] = {};
  std::size_t length_ = 0;
};

namespace {

Result<unsigned> index_of(const std::string& name) {
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return sys_fail(cat("find the interface ", name));
  return index;
}

ifinfomsg link(unsigned index) { return {.ifi_index = static_cast<int>(index)}; }

}  // namespace

Result<RtNetlink> RtNetlink::open() {
  RtNetlink opened;
  opened.socket_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!opened.socket_) return sys_fail("open a netlink socket");
  return opened;
}

Result<void> RtNetlink::send(Message& message, std::string_view attempted) {
  const void* bytes = message.finish();
  if (::send(socket_.get(), bytes, message.size(), 0) < 0) return sys_fail(attempted);
  alignas(nlmsghdr) char answer[4096];
  const ssize_t n = ::recv(socket_.get(), answer, sizeof answer, 0);
  if (n < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return sys_fail(attempted, EBADMSG);
  const int error = -static_cast<nlmsgerr*>(NLMSG_DATA(answer))->error;
  if (error != 0) return sys_fail(attempted, error);
  return {};
}

Result<void> RtNetlink::add_bridge(const std::string& name, const HardwareAddress& address,
                                   std::uint32_t group) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link(0));
  message.add(IFLA_IFNAME, name);
  message.add(IFLA_ADDRESS, address.data(), address.size());
  message.add(IFLA_GROUP, group);
  const std::size_t info = message.begin(IFLA_LINKINFO);
  message.add(IFLA_INFO_KIND, std::string("bridge"));
  message.end(info);
  return send(message, cat("add the bridge ", name));
}

Result<void> RtNetlink::add_veth(const Veth& veth) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link(0));
  message.add(IFLA_IFNAME, veth.name);
  message.add(IFLA_MTU, veth.mtu);
  message.add(IFLA_GROUP, veth.group);
  const std::size_t info = message.begin(IFLA_LINKINFO);
  message.add(IFLA_INFO_KIND, std::string("veth"));
  const std::size_t data = message.begin(IFLA_INFO_DATA);
  const std::size_t other = message.begin(VETH_INFO_PEER);
  const ifinfomsg peer_link{};
  message.append(&peer_link, sizeof peer_link);
  message.add(IFLA_IFNAME, veth.peer);
  message.add(IFLA_MTU, veth.mtu);
  message.add(IFLA_NET_NS_FD, veth.peer_netns);
  message.end(other);
  message.end(data);
  message.end(info);
  return send(message, cat("add the link ", veth.name));
}

Result<void> RtNetlink::add_isolated_port(const std::string& name, const std::string& bridge) {
  ASSIGN_OR_RETURN(const unsigned port, index_of(name));
  ASSIGN_OR_RETURN(const unsigned master, index_of(bridge));
  Message join(RTM_NEWLINK, 0, link(port));
  join.add(IFLA_MASTER, master);
  TRY(send(join, cat("add ", name, " to ", bridge)));

  Message isolate(RTM_SETLINK, 0,
                  ifinfomsg{.ifi_family = AF_BRIDGE, .ifi_index = static_cast<int>(port)});
  const std::size_t info = isolate.begin(IFLA_PROTINFO | NLA_F_NESTED);
  isolate.add(IFLA_BRPORT_ISOLATED, std::uint8_t{1});
  isolate.end(info);
  TRY(send(isolate, cat("isolate ", name)));
  return set_up(name);
}

Result<void> RtNetlink::set_up(const std::string& name) {
  ASSIGN_OR_RETURN(const unsigned index, index_of(name));
  ifinfomsg wanted = link(index);
  wanted.ifi_flags = wanted.ifi_change = IFF_UP;
  Message message(RTM_NEWLINK, 0, wanted);
  return send(message, cat("start ", name));
}

Result<void> RtNetlink::remove_group(std::uint32_t group) {
  Message message(RTM_DELLINK, 0, link(0));
  message.add(IFLA_GROUP, group);
  return send(message, "remove links");
}

Result<void> RtNetlink::add_address(const std::string& name, std::uint32_t address,
                                    int prefix_length) {
  ASSIGN_OR_RETURN(const unsigned index, index_of(name));
  Message message(RTM_NEWADDR, NLM_F_CREATE,
                  ifaddrmsg{.ifa_family = AF_INET,
                            .ifa_prefixlen = static_cast<std::uint8_t>(prefix_length),
                            .ifa_index = index});
  message.add(IFA_LOCAL, htonl(address));
  message.add(IFA_ADDRESS, htonl(address));
  return send(message, cat("give ", name, " its address"));
}

Result<void> RtNetlink::add_default_route(std::uint32_t gateway) {
  Message message(RTM_NEWROUTE, NLM_F_CREATE,
                  rtmsg{.rtm_family = AF_INET,
                        .rtm_table = RT_TABLE_MAIN,
                        .rtm_protocol = RTPROT_BOOT,
                        .rtm_scope = RT_SCOPE_UNIVERSE,
                        .rtm_type = RTN_UNICAST});
  message.add(RTA_GATEWAY, htonl(gateway));
  return send(message, "set the default route");
}

}  // namespace ionian::container
