// The state of a thing in one line, as Ledger compares it: of what is expected, and as a reader
// sees it. Everything that a later decision rests on is in it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/store.h"

namespace cordon::store::disk {

std::string words_of(const MessageView& view, const std::string& content);
std::string words_of(const Origin& origin);
std::string words_of(const Alert& alert);
std::string words_of(const Cordon& cordon);
std::string words_of(const BaitRow& bait);
std::string words_of_warnings(std::vector<std::string> recipients);

// "whole", "none", or where it differs from `expected`.
std::string content_words(Reader& reader, MessageId id, const std::string& expected);

std::string look_at_message(Reader& reader, MessageId id, const std::string& content);
std::string look_at_origin(Reader& reader, OriginId id);
std::string look_at_alert(Reader& reader, AlertId id);
std::string look_at_cordon(Reader& reader, CordonId id);
std::string look_at_bait(Reader& reader, BaitId id);
std::string look_at_warnings(Reader& reader, AlertId id);

}  // namespace cordon::store::disk
