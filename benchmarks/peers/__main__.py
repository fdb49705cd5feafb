from benchmarks.peers import install

install()
