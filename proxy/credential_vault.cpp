#include "proxy/credential_vault.h"

#include <algorithm>
#include <system_error>
#include <unordered_set>
#include <utility>

#include <openssl/rand.h>

#include "proxy/log.h"
#include "proxy/sealed_credentials.h"
#include "proxy/uptime_clock.h"

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

CredentialVault::CredentialVault(store::Store& store, std::filesystem::path directory)
    : store_(store), directory_(std::move(directory)) {}

CredentialVault::~CredentialVault() = default;

void CredentialVault::open_keys() {
  const std::lock_guard lock(opening_);
  if (file_) return;
  file_ = std::make_unique<store::KeyFile>(directory_);
  keys_ = file_.get();
}

std::string CredentialVault::seal(MessageId message, const smtp::Credentials& credentials) {
  try {
    open_keys();
    store::MessageKey key;
    SealNonce nonce{};
    if (!fill(key.octets) || !fill(nonce)) {
      tell("seal", message, "the system has no randomness");
      return {};
    }
    std::string sealed = seal_credentials(key, nonce, message, credentials);
    if (sealed.empty()) return sealed;
    const std::lock_guard lock(order_);
    file_->put(message, wall_now(), key);
    return sealed;
  } catch (const std::runtime_error& failure) {
    tell("seal", message, failure.what());
    return {};
  }
}

std::optional<smtp::Credentials> CredentialVault::open(MessageId message, std::string_view sealed) {
  const store::KeyFile* keys = keys_;
  if (keys == nullptr) return std::nullopt;
  try {
    const auto key = keys->get(message);
    if (!key) return std::nullopt;
    auto credentials = open_credentials(*key, message, sealed);
    if (!credentials) tell("open", message, "what is stored was not sealed with its key");
    return credentials;
  } catch (const std::system_error& failure) {
    tell("open", message, failure.what());
    return std::nullopt;
  }
}

// What cannot be destroyed now is when it is swept.
void CredentialVault::destroy(MessageId message) {
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
    drop(keys->destroy_older(lived_since));
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
