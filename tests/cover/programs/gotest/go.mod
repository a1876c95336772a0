module example.test/selftest

go 1.20
