#pragma once
// The table of RPCs. One line binds one:
//
//   on("AppCreate", &Apps::create, this);
//
// The handler's shape says the rest. Its third parameter, if any, names its room:
//
//   Result<Reply>                f(Call&, const Request&)           at once, on gRPC's thread
//   Result<Reply>                f(Call&, const Request&, State&)   in the room of State
//   std::optional<Result<Reply>> f(Call&, const Request&, State&)   a poll: nullopt = call me again
//   std::optional<Status>        f(Call&, const Request&, State&, Emit<Reply>&)   a stream
//   std::optional<Result<Reply>> f(Call&, Part<Request>, State&)    a client's stream
#include <map>
#include <string>
#include <string_view>
#include <typeindex>

#include "rpc/method.h"

namespace ionian::rpc {

// The typed face of Emitter that a stream's handler sees.
template <class Reply>
class Emit {
 public:
  explicit Emit(Emitter& out) : out_(out) {}
  void operator()(Reply reply) {
    empty_ = false;
    out_.emit(std::make_unique<Reply>(std::move(reply)));
  }
  // Whether nothing was emitted in this step.
  bool empty() const { return empty_; }

 private:
  Emitter& out_;
  bool empty_ = true;
};

// One message of a client's stream. The handler gets the same one again until it has passed it.
template <class Request>
class Part {
 public:
  Part(Call& call, const Request& message) : call_(call), message_(message) {}
  const Request& operator*() const { return message_; }
  const Request* operator->() const { return &message_; }
  // For handlers that return nullopt: the next one, please.
  void pass() { call_.passed = true; }

 private:
  Call& call_;
  const Request& message_;
};

class Table {
 public:
  static constexpr std::string_view kModal = "/modal.client.ModalClient/";
  static constexpr std::string_view kRouter = "/modal.task_command_router.TaskCommandRouter/";
  static constexpr std::string_view kAdmin = "/ionian.Admin/";

  // Handlers whose third parameter is `State&` run in `room`.
  template <class State>
  void add_room(Room& room) {
    rooms_[typeid(State)] = &room;
  }
  void set_inline_room(Room& room) { inline_room_ = &room; }

  const Method* find(std::string_view path) const;
  const std::map<std::string, Method, std::less<>>& methods() const { return methods_; }

  // A service's lines of the table; `self` outlives the table.
  template <class Self>
  class Binder {
   public:
    Binder(Table& table, Self* self, std::string_view service = kModal)
        : table_(table), self_(self), service_(service) {}

    template <class Reply, class Request>
    void operator()(std::string_view name, Result<Reply> (Self::*f)(Call&, const Request&),
                    Access access = Access::kClient) {
      Method& m = table_.add<Request, Reply>(service_, name, access, table_.inline_room_);
      m.handle = [self = self_, f](Call& call, const Message& request, void*) {
        return Answer(erase((self->*f)(call, static_cast<const Request&>(request))));
      };
    }

    template <class Reply, class Request, class State>
    void operator()(std::string_view name, Result<Reply> (Self::*f)(Call&, const Request&, State&),
                    Access access = Access::kClient) {
      Method& m = table_.add<Request, Reply>(service_, name, access, table_.room_of<State>());
      m.handle = [self = self_, f](Call& call, const Message& request, void* state) {
        return Answer(erase(
            (self->*f)(call, static_cast<const Request&>(request), *static_cast<State*>(state))));
      };
    }

    template <class Reply, class Request, class State>
    void operator()(std::string_view name,
                    std::optional<Result<Reply>> (Self::*f)(Call&, const Request&, State&),
                    Access access = Access::kClient) {
      Method& m = table_.add<Request, Reply>(service_, name, access, table_.room_of<State>());
      m.poll = true;
      m.handle = [self = self_, f](Call& call, const Message& request, void* state) -> Answer {
        auto answer =
            (self->*f)(call, static_cast<const Request&>(request), *static_cast<State*>(state));
        if (!answer) return std::nullopt;
        return erase(std::move(*answer));
      };
    }

    template <class Reply, class Request, class State>
    void operator()(std::string_view name,
                    std::optional<Result<Reply>> (Self::*f)(Call&, Part<Request>, State&),
                    Access access = Access::kClient) {
      Method& m = table_.add<Request, Reply>(service_, name, access, table_.room_of<State>());
      m.client_stream = true;
      m.handle = [self = self_, f](Call& call, const Message& request, void* state) -> Answer {
        const Part<Request> part(call, static_cast<const Request&>(request));
        auto answer = (self->*f)(call, part, *static_cast<State*>(state));
        if (!answer) return std::nullopt;
        return erase(std::move(*answer));
      };
    }

    template <class Reply, class Request, class State>
    void operator()(std::string_view name,
                    std::optional<Status> (Self::*f)(Call&, const Request&, State&, Emit<Reply>&),
                    Access access = Access::kClient) {
      Method& m = table_.add<Request, Reply>(service_, name, access, table_.room_of<State>());
      m.stream = [self = self_, f](Call& call, const Message& request, void* state, Emitter& out) {
        Emit<Reply> emit(out);
        return (self->*f)(call, static_cast<const Request&>(request), *static_cast<State*>(state),
                          emit);
      };
    }

   private:
    template <class Reply>
    static Result<MessagePtr> erase(Result<Reply> result) {
      if (!result) return std::unexpected(std::move(result).error());
      return std::make_unique<Reply>(*std::move(result));
    }

    Table& table_;
    Self* self_;
    std::string_view service_;
  };

 private:
  template <class Request, class Reply>
  Method& add(std::string_view service, std::string_view name, Access access, Room* room) {
    Method m;
    m.path = cat(service, name);
    m.access = access;
    m.room = room;
    m.make_request = [] { return std::make_unique<Request>(); };
    m.request_type = Request::descriptor();
    m.reply_type = Reply::descriptor();
    return insert(std::move(m));
  }
  template <class State>
  Room* room_of() const {
    const auto it = rooms_.find(typeid(State));
    CHECK(it != rooms_.end());
    return it->second;
  }
  Method& insert(Method method);

  std::map<std::string, Method, std::less<>> methods_;
  std::map<std::type_index, Room*> rooms_;
  Room* inline_room_ = nullptr;
};

}  // namespace ionian::rpc
