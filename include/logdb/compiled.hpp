// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The compiled form: a program that defines LOGDB_COMPILED takes what opens, closes and maintains
/// a preset from liblogdb instead of compiling it again. The headers are the same, and header-only
/// is the default. docs/install.md

/// Marks a member that is defined behind its class and lies in liblogdb. Only a function that is
/// not `inline` is left alone by `extern template`.
#if defined(LOGDB_COMPILED)
#define LOGDB_INLINE
#else
#define LOGDB_INLINE inline
#endif

// Neither argument can stand in parentheses. NOLINTBEGIN(bugprone-macro-parentheses)

/// Names the members of a log that liblogdb has, each behind `template` or `extern template`.
#define LOGDB_COMPILED_LOG(prefix, log)                                                            \
  prefix log_engine<log::policies>::log_engine(const std::filesystem::path&, const log::options&); \
  prefix log_engine<log::policies>::log_engine(log&&) noexcept;                                    \
  prefix log& log_engine<log::policies>::operator=(log&&) noexcept;                                \
  prefix log_engine<log::policies>::~log_engine();                                                 \
  prefix void log_engine<log::policies>::close();

/// Does so for what writes and follows the records of a log.
#define LOGDB_COMPILED_JOURNAL(prefix, log)                                                      \
  prefix void detail::followed_log<detail::stored_of<log::policies>>::refresh();                 \
  prefix void detail::committer<log::policies>::wait(stream_position, watermark);                \
  prefix bool detail::appender<log::policies>::make_way(detail::appender<log::policies>::guard&, \
                                                        std::uint64_t, std::uint64_t);           \
  prefix ticket detail::appender<log::policies>::attach_in_turn(                                 \
      const detail::segment_ptr<log::policies>&, std::uint64_t);                                 \
  prefix detail::attachment<log::policies>::attachment(detail::journal_state<log::policies>&);   \
  prefix void detail::attachment<log::policies>::add(detail::batch_view);                        \
  prefix detail::segment_ptr<log::policies> detail::attachment<log::policies>::finish();

// NOLINTEND(bugprone-macro-parentheses)

/// Says that liblogdb has a preset with records; nothing where all is header-only.
#if defined(LOGDB_COMPILED)
#define LOGDB_DECLARE_COMPILED(log)        \
  LOGDB_COMPILED_LOG(extern template, log) \
  LOGDB_COMPILED_JOURNAL(extern template, log)
#define LOGDB_DECLARE_COMPILED_MEMORY(log) LOGDB_COMPILED_LOG(extern template, log)
#else
#define LOGDB_DECLARE_COMPILED(log)
#define LOGDB_DECLARE_COMPILED_MEMORY(log)
#endif
