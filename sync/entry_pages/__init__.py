"""A list as a page of lines, and one entry with all of it that its reader may see.

Rows, properties and facts are cut by `access.viewing`, answers by `access.reading`; what the page
of the library names and the reader may not see is left out without a word.
"""
