"""How much: weather, sky, modules, yield, money; arrays in, arrays out."""
