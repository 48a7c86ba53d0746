"""What all tests share. Modules in this folder can be imported by tests of every other folder."""
