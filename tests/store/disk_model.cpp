#include "disk_model.h"

#include <algorithm>
#include <array>
#include <optional>

namespace cordon::store::disk {
namespace {

constexpr std::uint64_t sector = 512;

// How the cache of the disk was inclined in one outage.
struct Inclination {
  std::uint64_t kept = 0;   // of 100 writes
  std::uint64_t torn = 0;   // of 100 kept ones
  std::uint64_t sized = 0;  // of 100 others: the new size without the bytes
};

Inclination any_inclination(Random& random) {
  constexpr std::array<std::uint64_t, 6> shares{0, 10, 50, 90, 97, 100};
  const auto share = [&] { return shares[below(random, shares.size())]; };
  return {share(), share(), share()};
}

bool chance(Random& random, std::uint64_t of_100) { return below(random, 100) < of_100; }

void write_torn(Image& image, const Written& event, Random& random) {
  const std::uint64_t kept = 1 + below(random, 99);
  // The size can be there although the last sectors are not.
  if (chance(random, 50)) {
    image.resize(std::max(image.size(), event.offset + event.bytes.size()));
  }
  std::uint64_t begin = 0;
  while (begin < event.bytes.size()) {
    const std::uint64_t left_in_sector = sector - (event.offset + begin) % sector;
    const std::uint64_t octets =
        std::min<std::uint64_t>(left_in_sector, event.bytes.size() - begin);
    if (chance(random, kept)) {
      image.write(event.offset + begin, std::string_view(event.bytes).substr(begin, octets));
    }
    begin += octets;
  }
}

void apply_whole(Image& image, const Event& event) {
  if (const auto* written = std::get_if<Written>(&event)) {
    image.write(written->offset, written->bytes);
  } else if (const auto* zeroed = std::get_if<Zeroed>(&event)) {
    image.zero(zeroed->offset, zeroed->octets);
  } else if (const auto* resized = std::get_if<Resized>(&event)) {
    image.resize(resized->size);
  }
}

void apply_perhaps(Image& image, const Event& event, const Inclination& inclination,
                   Random& random) {
  const auto* written = std::get_if<Written>(&event);
  if (!chance(random, inclination.kept)) {
    if (written != nullptr && chance(random, inclination.sized)) {
      image.resize(std::max(image.size(), written->offset + written->bytes.size()));
    }
  } else if (written != nullptr && chance(random, inclination.torn)) {
    write_torn(image, *written, random);
  } else {
    apply_whole(image, event);
  }
}

using Names = std::map<std::string, FileNumber>;

void remove_name(Names& names, const std::string& name, FileNumber file) {
  const auto entry = names.find(name);
  if (entry != names.end() && entry->second == file) names.erase(entry);
}

void apply_name(Names& names, const Event& event) {
  if (const auto* created = std::get_if<Created>(&event)) {
    names[created->name] = created->file;
  } else if (const auto* renamed = std::get_if<Renamed>(&event)) {
    remove_name(names, renamed->from, renamed->file);
    names[renamed->to] = renamed->file;
  } else if (const auto* unlinked = std::get_if<Unlinked>(&event)) {
    remove_name(names, unlinked->name, unlinked->file);
  }
}

template <typename Of>
std::optional<FileNumber> file_changed(const Event& event) {
  const auto* change = std::get_if<Of>(&event);
  return change != nullptr ? std::optional(change->file) : std::nullopt;
}

// Takes out the events that came before `position`.
std::vector<std::size_t> take_until(std::vector<std::size_t>& events, std::size_t position) {
  const auto end = std::lower_bound(events.begin(), events.end(), position);
  std::vector<std::size_t> taken(events.begin(), end);
  events.erase(events.begin(), end);
  return taken;
}

}  // namespace

void Remains::save(const std::filesystem::path& directory) const {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::filesystem::remove(entry.path());
  }
  for (const auto& [name, image] : files) image.save(directory / name);
}

DiskModel::DiskModel(const Log& log, std::uint64_t seed, std::string lies_about)
    : log_(log), lies_about_(std::move(lies_about)), random_(seed), synced_names_(log.names) {
  for (const auto& [file, content] : log.contents) files_[file].synced.write(0, content);
  for (const auto& [name, file] : log.names) name_file(file, name);
}

void DiskModel::name_file(FileNumber file, const std::string& name) {
  files_[file].lied_about = !lies_about_.empty() && name.ends_with(lies_about_);
}

void DiskModel::advance_to(std::size_t position) {
  while (position_ < position) happen(position_++);
}

void DiskModel::happen(std::size_t position) {
  const Event& event = log_.events[position];
  for (const auto& file :
       {file_changed<Written>(event), file_changed<Zeroed>(event), file_changed<Resized>(event)}) {
    if (file) files_[*file].unsynced.push_back(position);
  }
  for (const auto& file : {file_changed<Created>(event), file_changed<Renamed>(event),
                           file_changed<Unlinked>(event)}) {
    if (file) unsynced_names_.push_back(position);
  }
  if (const auto* created = std::get_if<Created>(&event)) name_file(created->file, created->name);
  if (const auto* renamed = std::get_if<Renamed>(&event)) name_file(renamed->file, renamed->to);
  if (const auto* begin = std::get_if<SyncBegun>(&event)) syncs_under_way_[begin->sync] = position;
  if (const auto* end = std::get_if<SyncEnded>(&event)) end_sync(*end);
}

void DiskModel::end_sync(const SyncEnded& end) {
  const std::size_t begun = syncs_under_way_.at(end.sync);
  syncs_under_way_.erase(end.sync);
  if (end.file == the_directory) {
    if (end.outcome != SyncOutcome::kept) return;  // names stay as uncertain as they were
    for (const std::size_t event : take_until(unsynced_names_, begun)) {
      apply_name(synced_names_, log_.events[event]);
    }
    return;
  }
  File& file = files_[end.file];
  if (file.lied_about) return;
  const Inclination inclination = any_inclination(random_);
  for (const std::size_t position : take_until(file.unsynced, begun)) {
    const Event& event = log_.events[position];
    if (end.outcome == SyncOutcome::kept) apply_whole(file.synced, event);
    if (end.outcome == SyncOutcome::failed) {
      apply_perhaps(file.synced, event, inclination, random_);
    }
  }
}

Remains DiskModel::lose_power(Random& random) const {
  const Inclination inclination = any_inclination(random);
  Names names = synced_names_;
  for (const std::size_t event : unsynced_names_) {
    if (chance(random, inclination.kept)) apply_name(names, log_.events[event]);
  }
  Remains remains;
  for (const auto& [name, number] : names) {
    const auto file = files_.find(number);
    if (file == files_.end()) continue;
    Image image = file->second.synced;
    for (const std::size_t event : file->second.unsynced) {
      apply_perhaps(image, log_.events[event], inclination, random);
    }
    remains.files[name] = std::move(image);
  }
  return remains;
}

}  // namespace cordon::store::disk
