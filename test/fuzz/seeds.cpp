// SPDX-License-Identifier: BSL-1.0
/// @file
/// Writes the inputs that fuzzing begins with, cut from valid stores: a folder for each target that
/// wants some. To be run by hand, with the directory to fill.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>

#include "support/container.hpp"
#include "support/repair.hpp"
#include "support/stores.hpp"

namespace {

using logdb::fuzz::file_bytes;
namespace format = logdb::format;

/// Writes the seeds of one store.
class seed_writer {
 public:
  seed_writer(std::filesystem::path place, std::uint8_t store)
      : place_{std::move(place)}, store_{store}, files_{logdb::fuzz::make_store(store)} {}

  void run() {
    const auto packed = logdb::fuzz::pack(*files_);
    for (unsigned how = 0; how < 8; ++how) write("recovery", how, std::as_bytes(std::span{packed}));
    for (const auto& [name, bytes] : files_->contents()) {
      if (name == format::manifest_name) write_manifest(bytes);
      if (format::parse_segment_name(name)) write_segment(bytes);
    }
  }

 private:
  void write(const std::string& target, unsigned first, logdb::bytes_view rest) {
    std::filesystem::create_directories(place_ / target);
    const auto name = std::to_string(store_) + "-" + std::to_string(written_++);
    std::ofstream out{place_ / target / name, std::ios::binary};
    out.put(static_cast<char>(first));
    for (const std::byte byte : rest) out.put(static_cast<char>(byte));
  }

  void write_manifest(const file_bytes& bytes) {
    for (const unsigned how : {0U, 1U, 0x40U, 0x81U, 0xc0U, 0xc6U}) write("manifest", how, bytes);
  }

  void write_segment(const file_bytes& bytes) {
    logdb::fuzz::file_set one;
    one.put(format::segment_name(logdb::segment_number{1}), bytes);
    const auto packed = logdb::fuzz::pack(one);
    const auto content = std::as_bytes(std::span{packed}).subspan(1);  // without the name
    for (const unsigned how : {0U, 1U, 3U}) write("segment", how, content);
    const auto frames = logdb::fuzz::frames_from(bytes, format::segment_header_bytes);
    for (const auto& frame : frames) write_frame(bytes, frame);
  }

  void write_frame(const file_bytes& bytes, const logdb::fuzz::frame_place& frame) {
    const auto whole = logdb::bytes_view{bytes}.subspan(frame.offset, frame.bytes);
    if (frame.bytes > 400) return;
    file_bytes input{std::byte{7}};
    input.insert(input.end(), whole.begin(), whole.end());
    write("frame", 1, input);
    const auto header = format::load_header(whole.data());
    if (header.kind != format::frame_kind::footer) return;
    const auto payload = whole.subspan(format::frame_header_bytes, header.payload_bytes);
    for (const unsigned segment : {0U, 1U, 2U}) write("footer", segment, payload);
  }

  std::filesystem::path place_;
  std::uint8_t store_;
  logdb::fuzz::file_set_ptr files_;
  int written_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: make_fuzz_seeds DIRECTORY\n";
    return 2;
  }
  for (std::uint8_t store = 0; store < logdb::fuzz::store_kinds; ++store) {
    seed_writer{arguments[1], store}.run();
  }
}
