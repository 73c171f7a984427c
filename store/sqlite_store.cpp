#include "store/sqlite_store.h"

#include "store/checkpointer.h"
#include "store/content_writer.h"
#include "store/group_writer.h"
#include "store/opening.h"
#include "store/reserve_file.h"
#include "store/sqlite_reader.h"
#include "store/upkeep_sql.h"

namespace cordon::store {
namespace {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const SqliteOptions& options)
      : directory_(options.directory),
        path_(options.directory / database_name),
        lock_(take_directory(options.directory)),
        db_(open_database(options.directory, options.full_check_octets, used_)),
        gateway_id_(prepare(db_, options)),
        reserve_(options.directory, options.reserve_octets),
        writer_(db_),
        content_(SlotFile(options.directory, std::exchange(used_, {})), writer_,
                 options.inline_max),
        checkpointer_(
            std::make_unique<Checkpointer>(path_, db_, writer_, options.checkpoint_pages)) {
    writer_.on_release([this](std::vector<Slot>& slots) { content_.release(slots); });
  }

  ~SqliteStore() override {
    writer_.close();
    content_.stop();
    writer_.stop();
    checkpointer_.reset();
    try {
      Transaction transaction(db_, Transaction::Kind::write);
      writer_.ids().give_back(db_);
      transaction.commit();
    } catch (const SqliteError&) {
      // The marks stay ahead: a gap in the identifiers and nothing else.
    }
  }

  void submit(Batch batch, Done done) override {
    if (content_.concerns(batch)) {
      content_.submit(std::move(batch), std::move(done));
    } else {
      writer_.submit(std::move(batch), std::move(done));
    }
  }

  MessageId next_message_id() override { return next<MessageId>(IdKind::message); }
  OriginId next_origin_id() override { return next<OriginId>(IdKind::origin); }
  AlertId next_alert_id() override { return next<AlertId>(IdKind::alert); }
  CordonId next_cordon_id() override { return next<CordonId>(IdKind::cordon); }
  WarningId next_warning_id() override { return next<WarningId>(IdKind::warning); }
  BaitId next_bait_id() override { return next<BaitId>(IdKind::bait); }

  std::unique_ptr<Reader> reader() override { return make_sqlite_reader(directory_); }
  std::string gateway_id() const override { return gateway_id_; }
  // Alerts are rows: what the reserve gives up must not become content.
  void release_reserve() override {
    content_.refuse(true);
    reserve_.release();
  }
  bool keep_reserve() override {
    if (!reserve_.keep()) return false;
    content_.refuse(false);
    return true;
  }

 private:
  template <typename Id>
  Id next(IdKind kind) {
    return Id{writer_.ids().take(kind)};
  }

  // What is done once, before the writer has the connection; returns the gateway's id.
  static std::string prepare(Database& db, const SqliteOptions& options) {
    if (options.max_pages > 0) {
      db.execute(("PRAGMA max_page_count = " + std::to_string(options.max_pages)).c_str());
    }
    Query id = db.query(sql::gateway_id);
    id.step();
    return id.string(0);
  }

  const std::filesystem::path directory_;
  const std::string path_;
  const File lock_;  // released last
  SlotSet used_;     // at open
  Database db_;
  const std::string gateway_id_;
  ReserveFile reserve_;
  GroupWriter writer_;
  ContentWriter content_;
  std::unique_ptr<Checkpointer> checkpointer_;
};

}  // namespace

std::string_view describe(StoreError error) {
  switch (error) {
    case StoreError::none:
      return "done";
    case StoreError::full:
      return "no space left in the store";
    case StoreError::io:
      return "the store's device failed";
    case StoreError::closed:
      return "the store is closed";
    case StoreError::fault:
      return "contradicts what is stored";
  }
  return "unknown";
}

std::unique_ptr<Store> open_sqlite_store(const SqliteOptions& options) {
  return std::make_unique<SqliteStore>(options);
}

}  // namespace cordon::store
