"""Who works here: accounts, their roles and passwords (ORG-20 to ORG-36, SEC-13, SEC-17).

``rules`` says what an account may be, ``passwords`` keeps and checks them, ``store`` is the table, ``commands`` the command line.
"""
