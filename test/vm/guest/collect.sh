. /host/functions.sh
insmod /modules/lifetime.ko
lifetime free_while_mapped
step collect iommusan record --collect -o /host/boot.dat
step nothing iommusan record --collect -o /host/nothing.dat
