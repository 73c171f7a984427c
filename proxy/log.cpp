#include "proxy/log.h"

#include <memory>

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace cordon::proxy::log {

namespace {

std::shared_ptr<spdlog::logger> logger;  // set once before any thread starts
LogFormat chosen = LogFormat::text;

void append_escaped(std::string& out, std::string_view text, bool json) {
  static constexpr char hex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20 || octet == 0x7f) {
      out += json ? "\\u00" : "\\x";
      out += hex[octet >> 4];
      out += hex[octet & 15];
    } else {
      out += c;
    }
  }
}

bool plain(std::string_view text) {
  return !text.empty() && text.find_first_of(" \"\\=\t\r\n\x7f") == std::string_view::npos &&
         text.find_first_of(std::string_view("\0\x1b", 2)) == std::string_view::npos;
}

spdlog::level::level_enum spd(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

std::string format(LogFormat how, std::string_view name, std::initializer_list<Field> fields) {
  const bool json = how == LogFormat::json;
  std::string line;
  line.reserve(160);
  if (json) {
    line += "\"event\":\"";
    line += name;
    line += '"';
  } else {
    line += name;
  }
  for (const Field& field : fields) {
    line += json ? ",\"" : " ";
    line += field.name;
    line += json ? "\":" : "=";
    if (field.is_number) {
      line += std::to_string(field.number);
    } else if (!json && plain(field.text)) {
      line += field.text;
    } else {
      line += '"';
      append_escaped(line, field.text, json);
      line += '"';
    }
  }
  return line;
}

void open(const Settings::Log& settings) {
  spdlog::init_thread_pool(8192, 1);
  spdlog::sink_ptr sink;
  try {
    if (settings.file.empty())
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(settings.file);
  } catch (const spdlog::spdlog_ex& fault) {
    throw std::runtime_error(fault.what());
  }
  logger = std::make_shared<spdlog::async_logger>("cordond", sink, spdlog::thread_pool(),
                                                  spdlog::async_overflow_policy::block);
  chosen = settings.format;
  logger->set_pattern(chosen == LogFormat::json
                          ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                          : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  logger->flush_on(spdlog::level::warn);
  spdlog::flush_every(std::chrono::seconds(1));
  spdlog::register_logger(logger);
  set_level(settings.level);
}

void set_level(const std::string& level) {
  if (logger) logger->set_level(spdlog::level::from_str(level));
}

void close() {
  logger.reset();
  spdlog::shutdown();
}

void event(Level level, std::string_view name, std::initializer_list<Field> fields) {
  if (!logger || !logger->should_log(spd(level))) return;
  logger->log(spd(level), spdlog::string_view_t(format(chosen, name, fields)));
}

}  // namespace cordon::proxy::log
