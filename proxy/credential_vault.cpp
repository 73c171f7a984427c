#include "proxy/credential_vault.h"

#include <algorithm>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <openssl/rand.h>

#include "proxy/log.h"
#include "proxy/sealed_credentials.h"

namespace cordon::proxy {

using store::MessageId;

namespace {

template <typename Octets>
bool fill(Octets& octets) {
  return RAND_bytes(octets.data(), static_cast<int>(octets.size())) == 1;
}

void tell(const char* doing, MessageId message, const std::string& why) {
  log::error("credentials.failed", {{"doing", doing}, {"id", message}, {"why", why}});
}

}  // namespace

CredentialVault::CredentialVault(store::Store& store, std::filesystem::path directory, Clock clock)
    : store_(store), directory_(std::move(directory)), clock_(std::move(clock)) {}

CredentialVault::~CredentialVault() = default;

void CredentialVault::open_keys() {
  const std::lock_guard lock(opening_);
  if (file_) return;
  file_ = std::make_unique<store::KeyFile>(directory_);
  keys_ = file_.get();
}

CredentialVault::Made CredentialVault::make(MessageId message,
                                            const smtp::Credentials& credentials) {
  Made made;
  SealNonce nonce{};
  if (!fill(made.key.octets) || !fill(nonce))
    throw std::runtime_error("the system has no randomness");
  made.sealed = seal_credentials(made.key, nonce, message, credentials);
  if (made.sealed.empty()) throw std::runtime_error("the system has no memory");
  return made;
}

std::string CredentialVault::seal(MessageId message, const smtp::Credentials& credentials) {
  try {
    open_keys();
    Made made = make(message, credentials);
    const std::lock_guard lock(order_);
    file_->put(message, now(), made.key);
    return std::move(made.sealed);
  } catch (const std::runtime_error& failure) {
    tell("seal", message, failure.what());
    return {};
  }
}

void CredentialVault::renew(MessageId message, const smtp::Credentials& credentials,
                            store::Store::Done done) {
  try {
    open_keys();
    Made made = make(message, credentials);
    store::Batch batch;
    batch.push_back(store::SealCredentials{message, made.sealed});
    const std::lock_guard lock(order_);
    renewed_.erase(message);  // if this throws it has no key
    file_->put(message, now(), made.key);
    renewed_.insert(message);
    store_.submit(std::move(batch), [this, message, sealed = std::move(made.sealed),
                                     done = std::move(done)](const store::Answer& answer) {
      // Settled meanwhile, or the store is full.
      if (!answer.ok() && answer.error != store::StoreError::closed) forget(message, sealed, [] {});
      done(answer);
    });
  } catch (const std::runtime_error& failure) {
    tell("renew", message, failure.what());
  }
}

Opened CredentialVault::open(MessageId message, std::string_view sealed) {
  const store::KeyFile* keys = keys_;
  if (keys == nullptr) return {};
  try {
    const auto key = keys->get(message);
    if (!key) return {};
    auto credentials = open_credentials(*key, message, sealed);
    if (!credentials) tell("open", message, "what is stored was not sealed with its key");
    return {.credentials = std::move(credentials)};
  } catch (const std::system_error& failure) {
    tell("open", message, failure.what());
    return {.unreadable = true};
  }
}

// A key that cannot be read just now is taken for that of the renewal.
bool CredentialVault::is_renewal_of(MessageId message, std::string_view sealed) const {
  if (!renewed_.contains(message)) return false;
  try {
    const auto key = file_->get(message);
    return key && !open_credentials(*key, message, sealed);
  } catch (const std::system_error& failure) {
    tell("open", message, failure.what());
    return true;
  }
}

void CredentialVault::forget(MessageId message, std::string_view sealed,
                             std::function<void()> renewed) {
  const std::lock_guard lock(order_);
  if (is_renewal_of(message, sealed)) {
    // Answered after its row is.
    store::Batch nothing;
    nothing.push_back(store::DropCredentials{});
    store_.submit(std::move(nothing),
                  [renewed = std::move(renewed)](const store::Answer&) { renewed(); });
    return;
  }
  end_key(message);
  if (!sealed.empty()) drop({message});
}

void CredentialVault::destroy(MessageId message) {
  const std::lock_guard lock(order_);
  end_key(message);
}

// What cannot be destroyed now is when it is swept.
void CredentialVault::end_key(MessageId message) {
  renewed_.erase(message);
  store::KeyFile* keys = keys_;
  if (keys == nullptr) return;
  try {
    keys->destroy(message);
  } catch (const std::system_error& failure) {
    tell("destroy", message, failure.what());
  }
}

void CredentialVault::drop(std::vector<MessageId> messages) {
  if (messages.empty()) return;
  log::info("credentials.ended", {{"messages", messages.size()}});
  store::Batch batch;
  batch.push_back(store::DropCredentials{std::move(messages)});
  store_.submit(std::move(batch), [](const store::Answer& answer) {
    if (!answer.ok() && answer.error != store::StoreError::closed)
      log::warn("store.failed", {{"doing", "drop credentials"}, {"why", answer.detail}});
  });
}

void CredentialVault::sweep(store::Reader& reader, store::WallTime lived_since,
                            store::WallTime settled_before) {
  store::KeyFile* keys = keys_;
  if (keys == nullptr) return;
  {
    const std::lock_guard lock(order_);
    keys->none_later_than(now());
    auto ended = keys->destroy_older(lived_since);
    for (const MessageId message : ended) renewed_.erase(message);
    drop(std::move(ended));
  }
  // Before the rows are read: a message that is accepted meanwhile is no stranger.
  const auto old = keys->kept(settled_before);
  std::unordered_set<MessageId> strangers(old.begin(), old.end());
  std::vector<MessageId> sealed;
  reader.logins([&](const store::LoginRow& row) {
    strangers.erase(row.id);
    if (row.sealed && !keys->holds(row.id)) sealed.push_back(row.id);
  });
  for (const MessageId message : strangers) destroy(message);
  const std::lock_guard lock(order_);
  std::erase_if(sealed, [&](MessageId message) { return keys->holds(message); });
  drop(std::move(sealed));
}

void CredentialVault::sync() {
  store::KeyFile* keys = keys_;
  if (keys == nullptr) return;
  try {
    keys->sync();
  } catch (const std::system_error& failure) {
    log::error("credentials.not_synced", {{"why", failure.what()}});
  }
}

}  // namespace cordon::proxy
