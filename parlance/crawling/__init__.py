"""A polite crawl of a list of sites: what may be fetched, what is left to fetch, and what was fetched as WARC."""
