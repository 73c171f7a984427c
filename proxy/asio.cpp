// Boost.Asio's own code, compiled once for all of cordond (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
