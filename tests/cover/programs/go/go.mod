module example.test/levels

go 1.20
