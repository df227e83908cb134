"""Personal data by law: who a person is to us, what was asked, what is erased and stays so."""
