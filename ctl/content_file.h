// A file for the content of one message: made anew (never over another), readable by its owner
// only, and gone again unless all of it was written.
#pragma once

#include <string>
#include <string_view>

namespace cordon::ctl {

class ContentFile {
 public:
  explicit ContentFile(std::string path);
  ~ContentFile();
  ContentFile(const ContentFile&) = delete;
  ContentFile& operator=(const ContentFile&) = delete;

  void write(std::string_view octets);
  // True if all is written; else fault() tells why not.
  bool keep();
  const std::string& fault() const { return fault_; }
  const std::string& path() const { return path_; }

 private:
  void close();

  std::string path_;
  std::string fault_;
  int fd_ = -1;
  bool made_ = false;
};

}  // namespace cordon::ctl
